"""Requests that are sent twice: what has an ``Idempotency-Key`` is done once and answered again.

The header is that of draft-ietf-httpapi-idempotency-key-header. A key is kept as a keyed hash, and
the request too; the first answer is sealed with a key that follows from the program's own and from
the desk's root key, so that neither the database nor a backup of it can be read for answers.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, transaction
from ninja import Status
from pydantic_core import to_jsonable_python

from clewline.desk import vault
from clewline.desk.accounts.models import FirstAnswer
from clewline.desk.accounts.services import forget_answers
from clewline.desk.door import DeskRequest, take
from clewline.errors import DataError

HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile("[!-~]{16,200}")


def once(request: DeskRequest, work: Callable[[], Any]) -> Any:
    """Do `work` unless the same request with the same key was done before; then answer as then.

    Runs within the transaction of the change: of requests at the same time one does the work, and
    the others wait for it. What failed leaves nothing, and may be sent again. Whoever may no longer
    know of a record that the request named finds nothing, repeat or not.

    Raises
    ------
    DataError
        If the key is none, or was sent with another request.
    """
    given, token = request.headers.get(HEADER, ""), request.api_token
    assert token is not None
    if not _KEY.fullmatch(given):
        raise DataError(
            "16 to 200 characters that print, without spaces", where=HEADER, hint="a random UUID"
        )
    forget_answers()
    secret = _keyed(settings.HOME.key("root"), f"repeat\x00{token.pk}\x00{given}".encode())
    key, sent = _keyed(secret, b"name").hex(), _keyed(secret, _sent(request)).hex()
    try:
        with transaction.atomic():
            row = FirstAnswer.objects.create(token=token, key=key, request=sent)
    except IntegrityError:
        return _again(request, FirstAnswer.objects.get(token=token, key=key), secret, sent)
    answer = work()
    code, content = (
        (answer.status_code, answer.value) if isinstance(answer, Status) else (200, answer)
    )
    kept = {
        "code": code,
        "content": to_jsonable_python(content),
        "object": request.audit_object,
        "taken": request.taken,
    }
    row.answer = vault.seal(secret, json.dumps(kept), key)
    row.save(update_fields=["answer"])
    return answer


def refuse_key() -> NoReturn:
    """Refuse a key where the first answer is not kept.

    Raises
    ------
    DataError
        Always.
    """
    raise DataError("not here: what is taken once is not kept", where=HEADER, hint="leave it out")


def _again(request: DeskRequest, row: FirstAnswer, secret: bytes, sent: str) -> Any:
    """Return the first answer to the same request."""
    if not hmac.compare_digest(row.request, sent):
        raise DataError("was sent before with another request", where=HEADER, hint="a new key")
    kept = json.loads(vault.unseal(secret, bytes(row.answer), row.key))
    for model, ref in kept["taken"]:
        take(request, apps.get_model(model), ref)
    request.audit_object, request.audit_details = kept["object"], {"repeated": True}
    return Status(kept["code"], kept["content"])


def _sent(request: DeskRequest) -> bytes:
    """Return what makes two requests the same: method, address and body, byte for byte."""
    return f"{request.method} {request.get_full_path()}\n".encode() + request.body


def _keyed(key: bytes, data: bytes) -> bytes:
    """Return 32 bytes that nobody without the key finds out."""
    return hmac.digest(key, data, hashlib.sha256)
