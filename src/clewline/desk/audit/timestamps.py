"""RFC 3161: that an anchor was there at a time, said by somebody else. Nothing here is sent."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from clewline.desk.audit.anchors import Anchor
from clewline.errors import DataError

_LARGEST: Final = 1 << 20


def request_for(anchor: Anchor) -> bytes:
    """Return the query (DER) by which a time authority stamps an anchor: it sees a hash alone.

    It has no nonce: an answer may be fetched by hand, days later, and the hash is of one anchor.
    """
    builder = TimestampRequestBuilder().data(anchor.to_bytes()).nonce(nonce=False)
    builder = builder.hash_algorithm(HashAlgorithm.SHA256)
    return builder.cert_request(cert_request=True).build().as_bytes()


def check(response: bytes, anchor: Anchor, roots: bytes, where: str) -> datetime:
    """Return the time that a response (DER) gives an anchor.

    Parameters
    ----------
    response : bytes
        What the time authority answered.
    anchor : Anchor
        What was stamped.
    roots : bytes
        PEM certificates; the authority's must lead up to one of them.
    where : str
        What the response is called, for errors.

    Raises
    ------
    DataError
        If the response is none, is of something else, or no root leads to it.
    """
    try:
        certificates = x509.load_pem_x509_certificates(roots)
    except ValueError:
        raise DataError("no PEM certificates of a time authority", where=where) from None
    answer = _decode(response, where)
    try:
        VerifierBuilder(roots=certificates).build().verify_message(answer, anchor.to_bytes())
    except (VerificationError, ValueError) as error:
        raise DataError(f"no time stamp of event {anchor.seq}: {error}", where=where) from None
    return answer.tst_info.gen_time


def time_in(response: bytes, where: str) -> datetime:
    """Return the time that a response claims; proves nothing.

    Raises
    ------
    DataError
        If it is none, or says that the authority refused.
    """
    return _decode(response, where).tst_info.gen_time


def is_of(response: bytes, anchor: Anchor, where: str) -> bool:
    """Tell whether a response is about an anchor; proves nothing."""
    stamped = _decode(response, where).tst_info.message_imprint.message
    return stamped == hashlib.sha256(anchor.to_bytes()).digest()


def _decode(response: bytes, where: str) -> TimeStampResponse:
    """Take a response apart."""
    if len(response) > _LARGEST:
        raise DataError("larger than any time stamp (1 MiB)", where=where)
    try:
        answer = decode_timestamp_response(response)
        if answer.status not in (0, 1):
            said = "; ".join(answer.status_string) or f"status {answer.status}"
            raise DataError(f"the time authority refused: {said}", where=where)
        _ = answer.tst_info.gen_time
    except ValueError:
        raise DataError("is no response of a time authority (RFC 3161)", where=where) from None
    return answer
