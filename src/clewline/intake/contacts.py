"""Ways to reach who is behind a page: the kind of each, and the form by which it is compared.

What reads the same for many people (a name after "telegram:") is told by the word before it. Who
stores contacts keeps them as keyed hashes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from clewline.intake import pgp
from clewline.intake.proposal import Certainty, Detail, Proposal, ProposalKind


def _lower(match: re.Match[str]) -> str:
    """Return the first group in small letters."""
    return match[1].lower()


def _as_is(match: re.Match[str]) -> str:
    """Return the first group."""
    return match[1]


def _digits(match: re.Match[str]) -> str:
    """Return the digits of the first group."""
    return re.sub(r"\D", "", match[1])


def _phone(match: re.Match[str]) -> str:
    """Return a telephone number in the form of E.164; nothing where it has too few digits."""
    number = _digits(match)
    return f"+{number}" if 7 <= len(number) <= 15 else ""


def _mail(match: re.Match[str]) -> str:
    """Return an address of mail or chat: "[at]" and "[dot]" read, in small letters."""
    plain = re.sub(r"\s*[\[({]\s*(?:at|@)\s*[\])}]\s*", "@", match[1].lower())
    return re.sub(r"\s*[\[({]\s*(?:dot|\.)\s*[\])}]\s*", ".", plain)


def _tox(match: re.Match[str]) -> str:
    """Return a Tox id in capitals if its checksum holds: all pairs of bytes XORed give zero."""
    data = bytes.fromhex(match[1])
    even, odd = 0, 0
    for first, second in zip(data[::2], data[1::2], strict=True):
        even, odd = even ^ first, odd ^ second
    return match[1].upper() if not even and not odd else ""


def _fingerprint(match: re.Match[str]) -> str:
    """Return a fingerprint of a PGP key in capitals, without spaces."""
    plain = re.sub(r"[\s:]", "", match[1]).upper()
    return plain if len(plain) in (40, 64) else ""


class ContactKind(NamedTuple):
    """A way in which a page names a contact.

    Attributes
    ----------
    kind : str
        What it is.
    form : pattern
        How it is written; the first group is the contact.
    canonical : callable
        The match, to the form by which contacts are compared; empty where it is none after all.
    certainty : Certainty
        How sure the form alone makes it.
    shown_as : str
        How it is written, for the docs.
    needs : tuple of str
        In small letters; without one of them in a text, there is no use in looking.
    """

    kind: str
    form: re.Pattern[str]
    canonical: Callable[[re.Match[str]], str]
    certainty: Certainty
    shown_as: str
    needs: tuple[str, ...]


_DOMAIN: Final = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}[a-z][a-z0-9-]{1,62}"
_DOT: Final = r"(?:\.|\s?[\[({]\s?(?:dot|\.)\s?[\])}]\s?)"
_AT: Final = r"(?:@|\s?[\[({]\s?(?:at|@)\s?[\])}]\s?)"
_LOCAL: Final = r"[\w.+-]{1,64}"
_NOT_BEFORE: Final = r"(?<![\w.+/@-])"
_PHONE: Final = r"(\+?[0-9](?:[ ().-]{0,2}[0-9]){6,14})(?!\w)"
_HANDLE: Final = r"@?([a-z0-9][a-z0-9_.]{2,31})(?!\w)"


def _row(
    kind: str, form: str, canonical: Callable[[re.Match[str]], str], how: str, *needs: str
) -> ContactKind:
    """Return a row that is certain by its form."""
    pattern = re.compile(form, re.IGNORECASE)
    return ContactKind(kind, pattern, canonical, Certainty.CERTAIN, how, needs)


def _labelled(
    kind: str, words: str, form: str, canonical: Callable[[re.Match[str]], str]
) -> ContactKind:
    """Return a row of a contact that a word before it tells."""
    said = rf"(?<![^\W_])(?:{words})(?:[ ]?(?:id|user(?:name)?|nick|is|me|us))?[ ]{{0,2}}"
    pattern = re.compile(rf"{said}(?:[:=>-]{{1,2}}|(?=@|\+))[ ]{{0,2}}{form}", re.IGNORECASE)
    needs = tuple(words.split("|"))
    return ContactKind(kind, pattern, canonical, Certainty.LIKELY, f"{needs[0]}: name", needs)


KINDS: Final = (
    _row(
        "telegram",
        r"(?<![\w.-])(?:t|telegram)\.(?:me|dog)/(?:s/)?(\+?[a-z0-9_-]{3,40})",
        _lower,
        "t.me/name",
        ".me/",
        ".dog/",
    ),
    _row(
        "telegram",
        r"tg://(?:resolve\?domain|join\?invite)=([\w-]{3,40})",
        _lower,
        "tg://resolve?domain=name",
        "tg://",
    ),
    _labelled("telegram", "telegram|telega|tg|телеграм|телеграмм|тг", _HANDLE, _lower),
    _row("whatsapp", r"(?<![\w.-])wa\.me/\+?([0-9]{7,15})(?!\d)", _phone, "wa.me/number", "wa.me/"),
    _row(
        "whatsapp",
        r"api\.whatsapp\.com/send/?\?phone=(?:\+|%2b)?([0-9]{7,15})(?!\d)",
        _phone,
        "api.whatsapp.com/send?phone=",
        "api.whatsapp.com",
    ),
    _row(
        "whatsapp",
        r"chat\.whatsapp\.com/([A-Za-z0-9]{20,24})",
        _as_is,
        "chat.whatsapp.com/invite",
        "chat.whatsapp.com/",
    ),
    _labelled("whatsapp", "whatsapp|whats app|ватсап", _PHONE, _phone),
    _row(
        "signal",
        r"signal\.me/#p/(\+[0-9]{7,15})(?!\d)",
        _phone,
        "signal.me/#p/+number",
        "signal.me/",
    ),
    _row(
        "signal",
        r"signal\.me/#eu/([A-Za-z0-9_-]{40,80})",
        _as_is,
        "signal.me/#eu/link",
        "signal.me/",
    ),
    _labelled("signal", "signal", r"([a-z_][a-z0-9_]{2,31}\.[0-9]{2,9})(?!\w)", _lower),
    _labelled("signal", "signal", _PHONE, _phone),
    _row(
        "session",
        r"(05(?<![0-9a-f]05)[0-9a-f]{64})(?![0-9a-f])",
        _lower,
        "05 and 64 hex digits",
        "05",
    ),
    _row(
        "tox",
        r"(?<![0-9a-f])([0-9a-f]{76})(?![0-9a-f])",
        _tox,
        "76 hex digits, XOR checksum",
        "tox",
    ),
    _row("xmpp", rf"(?<!\w)xmpp:({_LOCAL}@{_DOMAIN})", _mail, "xmpp:user@host", "xmpp:"),
    _labelled(
        "xmpp",
        "jabber|xmpp|джаббер",
        rf"({_LOCAL}{_AT}(?:[a-z0-9-]{{1,63}}{_DOT}){{1,6}}[a-z][a-z0-9-]{{1,62}})",
        _mail,
    ),
    _row(
        "matrix",
        rf"(?<![\w/@#])([@#!][\w.=/+-]{{1,100}}:{_DOMAIN}(?::[0-9]{{1,5}})?)",
        _lower,
        "@user:host, #room:host",
        "@",
        "#",
        "!",
    ),
    _row(
        "discord",
        r"(?<![\w.-])discord(?:app)?\.(?:gg|com/invite)/([A-Za-z0-9-]{2,32})",
        _as_is,
        "discord.gg/invite",
        "discord",
    ),
    _labelled("discord", "discord", r"([a-z0-9_.]{2,32}(?:#[0-9]{4})?)(?!\w)", _lower),
    _row(
        "threema",
        r"threema\.id/([A-Z0-9*][A-Z0-9]{7})(?!\w)",
        lambda match: match[1].upper(),
        "threema.id/ID",
        "threema.id/",
    ),
    _labelled(
        "threema", "threema", r"([A-Z0-9*][A-Z0-9]{7})(?!\w)", lambda match: match[1].upper()
    ),
    _row(
        "simplex",
        r"(?:simplex:/|https?://(?:[\w-]{1,63}\.){1,4}[\w-]{2,24}/)"
        r"((?:contact|invitation|a|g|c|i)/?#[^\s\"'<>]{20,1000})",
        _as_is,
        "simplex:/contact#…",
        "simplex:/",
        "/#",
        "contact#",
        "invitation#",
    ),
    _labelled("wickr", "wickr|wickr me|wickr pro", _HANDLE, _lower),
    _labelled("icq", "icq|аська", r"([0-9](?:[ -]?[0-9]){4,9})(?!\d)", _digits),
    _labelled("skype", "skype|скайп", r"(live:[\w.]{3,40}|[a-z][a-z0-9_.,-]{4,31})(?!\w)", _lower),
    _labelled("kik", "kik", _HANDLE, _lower),
    _labelled(
        "pgp",
        "pgp|gpg|openpgp|fingerprint|pgp key|key fingerprint|pgp fingerprint|gpg fingerprint",
        r"(?:0x)?((?:[0-9a-f]{4}[ :]{0,2}){10}|(?:[0-9a-f]{4}[ :]{0,2}){16})(?![0-9a-f])",
        _fingerprint,
    ),
    _row(
        "email",
        rf"(?:mailto:|{_NOT_BEFORE})({_LOCAL}@{_DOMAIN})(?![\w@-])",
        _mail,
        "user@host, mailto:",
        "@",
    ),
    ContactKind(
        "email",
        re.compile(
            rf"{_NOT_BEFORE}({_LOCAL}\s?[\[({{]\s?(?:at|@)\s?[\])}}]\s?"
            rf"(?:[a-z0-9-]{{1,63}}{_DOT}){{1,6}}[a-z][a-z0-9-]{{1,62}})",
            re.IGNORECASE,
        ),
        _mail,
        Certainty.LIKELY,
        "user [at] host [dot] domain",
        ("at]", "at)", "at}", "@]", "@)", "at ]", "at )"),
    ),
)
"""Every form of contact that is found; of two that overlap, the earlier row counts."""

_BLOCK: Final = re.compile(rf"{pgp.BEGIN}((?:[^-]|-(?!----))++){pgp.END}")
# Words after a label that are no names.
_NO_NAME: Final = frozenset(
    {"contact", "support", "channel", "group", "https", "http", "here", "chat"}
)


def find_contacts(text: str) -> Iterator[Proposal]:
    """Yield the contacts that a text names.

    Parameters
    ----------
    text : str
        As it stands.

    Yields
    ------
    Proposal
        In order of place, apart from each other.

    Examples
    --------
    >>> for one in find_contacts("Telegram: @Some_Name, some [at] site [dot] example"):
    ...     print(one.details["contact"], one.value)
    telegram some_name
    email some@site.example
    """
    found, low = [], text.lower()
    for order, row in enumerate(KINDS):
        if not any(one in low for one in row.needs):
            continue
        for match in row.form.finditer(text):
            value = row.canonical(match)
            if value and value not in _NO_NAME:
                found.append((match.start(), order, match.end(), value, match.span(1)))
    at = 0
    for start, order, end, value, span in sorted(found):
        if start >= at:
            row, at = KINDS[order], end
            yield _contact(row.kind, value, text, span, row.certainty, row.shown_as)


def find_keys(source: str, text: str) -> Iterator[Proposal]:
    """Yield the PGP public keys of a page by their fingerprints; nothing else of a key is kept.

    Of a block in which no whole key stands, the value is SHA-256 of it without white space.

    Parameters
    ----------
    source : str
        The page as it was pasted.
    text : str
        What it shows: the first line of the block, where it is found, is where the key stands.
    """
    at = 0
    for match in _BLOCK.finditer(source):
        whole = hashlib.sha256("".join(match[1].split()).encode("utf-8", "replace")).hexdigest()
        value = pgp.fingerprint(match[0]) or f"sha256:{whole}"
        start = text.find(pgp.BEGIN, at)
        span = (start, start + len(pgp.BEGIN)) if start >= 0 else (0, 0)
        at = span[1]
        found = _contact("pgp", value, text, span, Certainty.CERTAIN, "a block of lines")
        yield found if start >= 0 else replace(found, start=None, end=None, place="source")


def _contact(
    kind: str, value: str, text: str, span: tuple[int, int], certainty: Certainty, how: str
) -> Proposal:
    """Return a contact."""
    start, end = span
    details: dict[str, Detail] = {"contact": kind}
    return Proposal(
        *(ProposalKind.CONTACT, value, text[start:end], start, end, "text"),
        *(certainty, f"it has the form: {how}", details, start),
    )
