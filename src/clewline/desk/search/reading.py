"""What somebody asks for: every thing that a text may be, told from the text alone.

Which questions are put to the database follows from the text and from nothing else, so that what
is unknown and what is known to others only take the same way.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from clewline.desk.ledger import index_of
from clewline.desk.records.services import canonical_contact
from clewline.desk.records.site_address import fingerprint, index_prefix, read_site_address
from clewline.intake import Reading, find, read_address

LONGEST: Final = 400
"""Characters of one question."""
MOST: Final = 1000
"""Questions of a pasted list."""
SHORTEST_BEGINNING: Final = 5
"""Characters by which addresses are found by their beginning."""

_TXID: Final = re.compile(r"(?:0x)?([0-9a-f]{64})", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"([SBCGN])[- ]?([0-9A-Z]{5})[- ]?([0-9A-Z]{5})", re.IGNORECASE)
_CROCKFORD: Final = str.maketrans("OIL", "011")
_MAIL: Final = re.compile(r"(?:mailto:)?[^@\s/:]+@[^@\s/]+\.[^@\s/]+", re.IGNORECASE)
_HANDLE: Final = re.compile(r"@[^@\s/]{2,}")
_TELEPHONE: Final = re.compile(r"(?:tel:)?\+[0-9][0-9 ()./-]{5,}[0-9]")
_BEGINNING: Final = re.compile(r"[0-9A-Za-z]+[:_]?[0-9A-Za-z_-]*")
_PAYMENT_URI: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*):(?://)?(?P<rest>[^?\s]+)(?:\?\S*)?", re.I
)
_SCHEME: Final = re.compile(r"//|:\]")
_LOWER_CASE: Final = re.compile(r"(?:0x|[a-z]{1,12}1|(?:bitcoincash|bchtest|bchreg):)", re.I)
_CASHADDR: Final = re.compile(r"[qp][02-9ac-hj-np-z]+", re.IGNORECASE)
_SHORTEST: Final = 14
_LONGEST_WORD: Final = 80


@dataclass(frozen=True)
class Question:
    """One thing that was asked for.

    Attributes
    ----------
    text : str
        As it was asked, without what does not print.
    readings : tuple of Reading
        Addresses that it may be.
    did_you_mean : tuple of str
        Addresses one slip away.
    beginnings : tuple of str
        What canonical forms of addresses may begin with.
    txid, reference, word : str
        A transaction id or hash; a record's reference; a codename or report number. Empty if none.
    site : tuple of bytes
        Keyed indexes of a page's address, or the first bytes of one.
    host, contact : bytes or None
        Keyed index of a host, of a contact.
    """

    text: str
    readings: tuple[Reading, ...] = ()
    did_you_mean: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()
    txid: str = ""
    reference: str = ""
    word: str = ""
    site: tuple[bytes, ...] = ()
    host: bytes | None = None
    contact: bytes | None = None

    @cached_property
    def canonicals(self) -> tuple[str, ...]:
        """Forms under which an address may be recorded: canonical ones, and as it was asked."""
        one_word = self.readings or (len(self.text) >= _SHORTEST and " " not in self.text)
        shown = (self.text,) if one_word and not self.sensitive else ()
        return tuple(dict.fromkeys((*(one.canonical for one in self.readings), *shown)))

    @property
    def sensitive(self) -> bool:
        """Whether the text itself must not be shown again or written down."""
        return bool(self.site) or self.contact is not None

    @property
    def kind(self) -> str:
        """Return the one word for what was asked."""
        return next(
            (
                kind
                for kind, there in (
                    ("address", self.readings),
                    ("transaction", self.txid),
                    ("reference", self.reference),
                    ("contact", self.contact),
                    ("site", self.site),
                    ("beginning", self.beginnings),
                    ("name", self.word),
                )
                if there
            ),
            "nothing",
        )

    @property
    def shown(self) -> str:
        """Return what a page may say was asked: not a site's address, and no contact."""
        if self.contact is not None:
            return f"contact {fingerprint(self.contact)}"
        if self.site:
            return f"site {fingerprint(self.site[0])}"
        return self.text

    @property
    def audited(self) -> str:
        """Return what the audit log says was asked: in the clear where the text is an identifier.

        What may be a name, a contact or a site's address is there by its keyed index.
        """
        beginning = self.beginnings and any(c.isdecimal() for c in self.text)
        if self.readings or self.txid or self.reference or beginning:
            return self.text
        if self.sensitive:
            return self.shown
        return f"{self.kind} {fingerprint(index_of('asked', self.text.casefold()))}"


def clean(text: str) -> str:
    r"""Return a text without what does not print, spaces at its ends and runs of them.

    Examples
    --------
    >>> clean("  a\u200b  b ")
    'a b'
    """
    kept = (c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf"))
    return " ".join("".join(kept).split())


def read(text: str, *, whole: bool = False) -> Question:
    """Tell what a text may be.

    Parameters
    ----------
    text : str
        Longer ones than `LONGEST` are cut.
    whole : bool
        Whether it must be a whole identifier, as in a list: no beginnings of addresses.

    Examples
    --------
    >>> read("s-7k3m2-92qdx").reference, read("Amber").kind
    ('S-7K3M2-92QDX', 'beginning')
    """
    text = clean(text[:LONGEST])
    if not text:
        return Question("")
    known: dict[str, Any] = {}
    address, readings, near = _address(text, whole=whole)
    if readings:
        known |= {"readings": readings}
    if match := _TXID.fullmatch(text):
        known |= {"txid": match[1].lower()}
    if match := _REFERENCE.fullmatch(text):
        # As people read a reference aloud: O for 0, I and L for 1.
        parts = [part.upper().translate(_CROCKFORD) for part in match.groups()[1:]]
        known |= {"reference": "-".join((match[1].upper(), *parts))}
    if known:
        return Question(address if readings else text, **known)
    if any(form.fullmatch(text) for form in (_MAIL, _HANDLE, _TELEPHONE)):
        contact = canonical_contact(re.sub("^(?:mailto|tel):", "", text, flags=re.IGNORECASE))
        # A channel's handle may be recorded as the site itself.
        channel = index_of("url", read_site_address(text).canonical)
        return Question(text, contact=index_of("contact", contact), site=(channel,))
    if prefix := index_prefix(text):
        return Question(text, site=(prefix,))
    site, host = _site(text)
    if site:
        known |= {"site": site, "host": host}
    elif not whole:
        known |= {"beginnings": _beginnings(text), "did_you_mean": near}
    if len(text) <= _LONGEST_WORD and "://" not in text:
        known |= {"word": text}
    return Question(text, **known)


def _address(text: str, *, whole: bool) -> tuple[str, tuple[Reading, ...], tuple[str, ...]]:
    """Return the address in a text, what it may be, and what was probably meant if it is none."""
    for form in _address_forms(text):
        if readings := read_address(form):
            return form, tuple(readings), ()
    # To look for what is broken or mistyped takes milliseconds: for one question, not a thousand.
    found = [] if whole else find(text)
    if len(found) == 1:
        one = found[0]
        plain = "".join(one.text.split())
        return plain, one.readings, one.did_you_mean
    return text, (), ()


def _address_forms(text: str) -> list[str]:
    """Return a text, without its blanks, and what stands in it as a payment URI."""
    forms = [text, text.replace(" ", "")]
    if match := _PAYMENT_URI.fullmatch(text):
        # The path of a request for a token is contract and function: an address all the same.
        forms.append(match["rest"].split("/")[0].split("@")[0])
    return list(dict.fromkeys(forms))


def _site(text: str) -> tuple[tuple[bytes, ...], bytes | None]:
    """Return the keyed indexes of a site's address and of its host; nothing where it is none."""
    address = read_site_address(text)
    named = _SCHEME.search(text) is not None
    # A number alone is read as an IP address: 2026/17 is rather a report.
    if " " in text or not address.host or not (named or "." in text.partition("/")[0]):
        return (), None
    forms = [address.canonical]
    if not named:
        forms.append(read_site_address(f"https://{text}").canonical)
    return tuple(index_of("url", form) for form in forms), index_of("host", address.host)


def _beginnings(text: str) -> tuple[str, ...]:
    """Return what canonical forms may begin with, if a text may be the beginning of an address."""
    if len(text) < SHORTEST_BEGINNING or not _BEGINNING.fullmatch(text):
        return ()
    forms = [text]
    if _LOWER_CASE.match(text):
        forms.append(text.lower())
    if _CASHADDR.fullmatch(text):
        forms.append(f"bitcoincash:{text.lower()}")
    return tuple(dict.fromkeys(forms))
