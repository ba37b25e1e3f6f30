"""What a pasted page gives away of who runs it: names, addresses, ids and fingerprints.

For linking pages that were recorded, and for hosting mistakes: what a hidden service should not
show. From the source alone: nothing is looked up, opened or contacted, no picture is touched, and
data URIs are passed over unread. There is deliberately no command for it, and `clewline.intake`
does not show it: it would let the operator of a site check a page for leaks. It is for code that
records a sighting, and that writes down who asked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from clewline.errors import UsageError
from clewline.intake import pgp
from clewline.intake.hosts import (
    host_aside,
    read_hidden,
    read_host,
    read_ip,
    read_number,
    registrable,
)
from clewline.intake.indicator_marks import load_marks
from clewline.intake.places import Places, Segment, Tag, read_places
from clewline.intake.refused import masked, refused
from clewline.intake.unfold import View, unfold


class Kind(NamedTuple):
    """A row of the table of kinds: its id, what it is, and in which form its value is compared."""

    id: str
    meaning: str
    value: str


KINDS: Final = (
    Kind("ipv4", "IPv4 address", "four decimal numbers, however it was written"),
    Kind("ipv6", "IPv6 address", "as in RFC 5952"),
    Kind("host", "name of a host outside hidden services", "ASCII, lower case"),
    Kind("domain", "what of a host's name somebody registered", "ASCII, lower case"),
    Kind("email", "e-mail address, or one of the same form (Jabber)", "lower case"),
    Kind("account", "id of an analytics, advertising or chat account", "service and id"),
    Kind("pgp", "OpenPGP key, by its fingerprint", "40 or 64 digits, upper case"),
    Kind("onion", "onion service, version 3", "name with `.onion`, nothing before it"),
    Kind("onion_v2", "onion service, version 2: not reachable since 2021", "as above"),
    Kind("i2p", "I2P name or base32 address", "name with `.i2p`, nothing before it"),
    Kind("favicon", "path of the page's icon; never the picture", "SHA-256 of the path"),
    Kind("integrity", "hash that the page itself states of a file", "as it stands"),
    Kind("script", "script inside the page", "SHA-256 without space"),
    Kind(
        "script_path",
        "path of a script",
        "path without host, query, and slashes and dots before it",
    ),
    Kind("style", "style sheet inside the page", "SHA-256 without space"),
    Kind(
        "style_path",
        "path of a style sheet",
        "path without host, query, and slashes and dots before it",
    ),
    Kind("comment", "comment in the source", "SHA-256, space as one blank"),
    Kind("form", "names of the fields of a form", "SHA-256 of the sorted set"),
    Kind("classes", "class names of the whole page", "SHA-256 of the sorted set, digits as 0"),
    Kind("generator", "software that says to have made the page", "lower case"),
)

ASIDE: Final = MappingProxyType(
    {
        "documentation": "a range for documentation (RFC 5737, RFC 3849, RFC 9637)",
        "loopback": "the machine itself (loopback)",
        "link_local": "valid on one network link only (link-local)",
        "carrier_nat": "shared behind a provider's address translation (RFC 6598)",
        "private": "a private range (RFC 1918, RFC 4193)",
        "multicast": "a multicast range",
        "reserved_address": "a reserved range (RFC 6890)",
        "version": "looks like a version number",
        "drawing": "numbers of a drawing",
        "reserved_name": "a name reserved for tests or local use (RFC 2606, RFC 6761)",
        "local_name": "a name inside one network only",
        "shared": "shared by a great many unrelated pages",
        "maker_example": "an example from its maker's documentation",
        "wrong_checksum": "its checksum is wrong: mistyped, cut off or made up",
        "unreadable_key": "no whole public key of a known version at the beginning of the block",
        "short": "too short or too few to tell one page from another",
        "software": "names software that many use",
    }
)
"""Why an indicator is not used for linking, for people; `Indicator.set_aside` is one of these."""


class Indicator(NamedTuple):
    """Something in the source of a page that may link it to another.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    value : str
        The form in which it is compared; empty for a key that could not be read.
    shown : str
        As it stands in the source; of what is compared by its hash, only what it is and how long:
        a page's wording is not repeated here.
    place : str
        ``text``, ``comment``, ``script``, ``style``, ``tag``, ``page`` or ``attribute X of <Y>``.
    start, end : int
        Where it stands in the source, as in a slice.
    set_aside : str or None
        Why it is not used for linking; None where it is.
    """

    kind: str
    value: str
    shown: str
    place: str
    start: int
    end: int
    set_aside: str | None = None

    @property
    def links(self) -> bool:
        """Tell whether it may link pages.

        Examples
        --------
        >>> Indicator("ipv4", "10.0.0.1", "10.0.0.1", "text", 0, 8, ASIDE["private"]).links
        False
        """
        return self.set_aside is None


class _Found(NamedTuple):
    """An indicator before its place is known; `start` and `end` count in the text as it reads."""

    kind: str
    value: str
    start: int
    end: int
    aside: str | None = None


_DOT: Final = r"(?:\.|[\[({](?:\.|dot)[\])}])"
_REFANG: Final = re.compile(r"[\[({](?:\.|dot)[\])}]")
_IPV4: Final = re.compile(
    rf"(?<![0-9.])[0-9]{{1,3}}(?:{_DOT}[0-9]{{1,3}}){{3}}(?![0-9]|\.[0-9])", re.ASCII
)
_IPV6: Final = re.compile(
    r"(?<![0-9A-Za-z:.])(?=[0-9A-Fa-f:]{0,4}:)[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{2,38}+"
    r"(?:(?:\.[0-9]{1,3}){3})?(?![0-9A-Za-z:])"
)
_LONG_GROUP: Final = re.compile(r"[0-9A-Fa-f]{3}")
_IS_ADDRESS: Final = re.compile(
    r"(?:\bip|ipv4|addr|address|host|inet|from|peer|client)[-_/]\Z", re.I
)
_IS_VERSION: Final = re.compile(
    r"(?:[A-Za-z0-9][-_/]|(?:\bv|\bver|version|release|build|revision|firmware)[\s.:=\"']{0,3}"
    r"|(?:linux|kernel|apache|nginx|php|openssl|chrome|firefox|safari|opera|edge)\s)\Z",
    re.IGNORECASE,
)
_VERSION_GOES_ON: Final = re.compile(r"[-_+][A-Za-z]|\.(?:min|js|css|zip|tar|gz|exe|deb|rpm)\b")
_BEFORE: Final = 24
_NAME_GOES_ON: Final = re.compile(r"[A-Za-z-]|\.[A-Za-z]")

# In a URL any name counts; user and password before it do not belong to it.
_URL: Final = re.compile(
    r"//(?:[^\s/?#@\"'<>\0]{0,200}@)?(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]"
    r"|(?P<host>[^\s/\\?#\"'<>@:\0{}|^`,;&=$%+*!~]{1,253}))"
)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,14}(?::|\[:\])\Z|[\"'=(]\Z")
_LONGEST_SCHEME: Final = 20

_NAME: Final = re.compile(
    rf"(?<![\w.@/\])}}-])[A-Za-z0-9][A-Za-z0-9-]*+(?:{_DOT}[A-Za-z0-9][A-Za-z0-9-]*+)++(?![\w@-])"
)
_AT: Final = re.compile(
    r"(?:@|[\[({](?:@|at)[\])}])\s?"
    rf"(?P<host>[\w-]{{1,63}}(?:\s?{_DOT}\s?[\w-]{{2,63}}){{1,6}}+)"
)
_USER: Final = re.compile(r"(?<![\w.%+@/-])[\w.%+-]{1,64}(?=\s?\Z)")
_LONGEST_USER: Final = 66
_LABELS: Final = re.compile(r"(?<![A-Za-z0-9.-])[A-Za-z0-9.-]++\Z")
_GROUPED: Final = re.compile(
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{4}(?:[ \u00a0]{1,2}[0-9A-Fa-f]{4}){9}(?! ?[0-9A-Fa-f])"
)
_HEX: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?(?P<id>[0-9A-Fa-f]{40}(?:[0-9A-Fa-f]{24})?)(?![0-9A-Za-z])"
)
_SAYS_KEY: Final = re.compile(
    r"(?:fingerprint|openpgp4fpr|pgp|gpg|key[ -]?id)\W{0,20}(?:(?:key|is|id)\W{1,5}){0,3}\Z",
    re.IGNORECASE,
)
_LONGEST_WORDING: Final = 60
_PORT: Final = re.compile(r":[0-9]{2,5}(?![0-9])")
_SPACE: Final = re.compile(r"\s+")
_PROGRAM_TEXT: Final = ("script", "style")
_NO_NAMES_IN: Final = frozenset(
    {"class", "id", "name", "for", "type", "style", "rel", "lang", "dir", "role", "charset"}
)
_DRAWN: Final = frozenset({"d", "points", "transform", "viewbox", "values", "path", "keytimes"})


def _refanged(text: str) -> str:
    """Return a name with its dots as they were, and no space."""
    return _SPACE.sub("", _REFANG.sub(".", text))


def _ipv4(text: str) -> Iterator[_Found]:
    """Yield IPv4 addresses, version numbers set aside."""
    for match in _IPV4.finditer(text):
        start, end = match.span()
        read = read_ip(_refanged(match[0]))
        if read is None:
            continue
        before = text[max(start - _BEFORE, 0) : start]
        kind, value, aside = read
        if _VERSION_GOES_ON.match(text, end) or (
            _IS_VERSION.search(before) and not _IS_ADDRESS.search(before)
        ):
            aside = "version"
        elif _NAME_GOES_ON.match(text, end) or before[-1:].isalpha():
            continue
        yield _Found(kind, value, start, end, aside)


def _ipv6(text: str) -> Iterator[_Found]:
    """Yield IPv6 addresses; those of short groups look like times and bytes and are none."""
    for match in _IPV6.finditer(text):
        if _LONG_GROUP.search(match[0]):
            read = read_ip(match[0])
            if read is not None:
                yield _Found(*read[:2], *match.span(), read[2])


def _host_facts(name: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield kind, value and reason to set aside of what one host name says."""
    host = read_host(name)
    hidden = read_hidden(host) if host is not None else None
    if hidden is not None:
        yield hidden
    elif host is not None:
        aside = host_aside(host)
        yield "host", host, aside
        if aside is None:
            yield "domain", registrable(host), None


class _Hosts(dict[str, tuple[tuple[str, str, str | None], ...]]):
    """What the host names of one page say, each read once; it goes with the page."""

    def __missing__(self, name: str) -> tuple[tuple[str, str, str | None], ...]:
        """Read a name."""
        facts = self[name] = tuple(_host_facts(name))
        return facts

    def at(self, name: str, start: int, end: int) -> Iterator[_Found]:
        """Yield what a name says where it stands."""
        for kind, value, aside in self[name]:
            yield _Found(kind, value, start, end, aside)


def _urls(text: str, hosts: _Hosts) -> Iterator[_Found]:
    """Yield hosts of URLs, whatever their names end with."""
    for match in _URL.finditer(text):
        first = match.start()
        if not _SCHEME.search(text[max(first - _LONGEST_SCHEME, 0) : first]):
            continue
        form = "v6" if match["v6"] else "host"
        name, (start, end) = match[form].rstrip(".)]"), match.span(form)
        end = start + len(name)
        address = name if form == "v6" else read_number(_refanged(name))
        read = read_ip(address) if address is not None else None
        if read is not None:
            yield _Found(*read[:2], start, end, read[2])
        elif form == "host":
            yield from hosts.at(_refanged(name), start, end)


def _is_name(text: str, start: int, end: int, *, quoted: bool) -> bool:
    """Tell whether words with dots between them are the name of a host."""
    name = _refanged(text[start:end])
    labels = name.lower().split(".")
    marks = load_marks()
    last, before, after = labels[-1], text[start - 1 : start], text[end : end + 1]
    if name not in (name.lower(), name.upper()):
        return False
    if quoted and not (before and before in "'\"`" and after and after in "'\"`/:"):
        return False
    if labels[0] == "www":
        return True
    if last in marks.files:  # "main.rs:3" and "setup.sh/" are files
        return False
    is_marked = after == "/" or _PORT.match(text, end) is not None
    return is_marked or last not in marks.words or len(labels) > 2 or "-" in name


def _names(text: str, where: _Where, hosts: _Hosts) -> Iterator[_Found]:
    """Yield names of hosts that stand outside URLs."""
    for match in _NAME.finditer(text):
        start, end = match.span()
        last = match[0].rpartition(".")[2].rpartition("]")[2].lower()
        marks = load_marks()
        if last.isdigit() or not (last in marks.countries or last in marks.top_levels):
            continue
        segment = where.segment(start)
        if segment is not None and segment.name in _NO_NAMES_IN:
            continue
        if _is_name(text, start, end, quoted=segment is not None and segment.what in _PROGRAM_TEXT):
            yield from hosts.at(_refanged(match[0]), start, end)


def _hidden(text: str) -> Iterator[_Found]:
    """Yield names of hidden services wherever they stand, also inside longer words."""
    for word in (".onion", ".i2p", ".ONION", ".I2P"):
        at = text.find(word)
        while at >= 0:
            end = at + len(word)
            first = max(at - 80, 0)
            before = _LABELS.search(text[first:at])
            if before is not None and not text[end : end + 1].isalnum():
                name = before[0].strip(".-")
                read = read_hidden(f"{name}{word}".lower())
                if name and read is not None:
                    yield _Found(*read[:2], end - len(read[1]), end, read[2])
            at = text.find(word, end)


def _emails(text: str, hosts: _Hosts) -> Iterator[_Found]:
    """Yield e-mail addresses, and the hosts they name."""
    marks = load_marks()
    for match in _AT.finditer(text):
        at = match.start()
        before = text[max(at - _LONGEST_USER, 0) : at]
        user = _USER.search(before)
        host = read_host(_refanged(match["host"])) if user is not None else None
        if user is None or host is None:
            continue
        last = host.rpartition(".")[2]
        if not last.isalpha() or last in marks.files - marks.countries:
            continue
        aside = host_aside(host)
        if aside == "shared" and {host, registrable(host)} & marks.mail_providers:
            aside = None
        start = at - len(before) + user.start()
        yield _Found("email", f"{user[0].lower()}@{host}", start, match.end(), aside)
        yield from hosts.at(host, *match.span("host"))


def _accounts(text: str) -> Iterator[_Found]:
    """Yield ids of accounts, by the marks of the data file."""
    marks = load_marks()
    for mark in marks.marks:
        if mark.starts not in text:
            continue
        for match in mark.pattern.finditer(text):
            start, end = match.span()
            if start and text[start - 1].isalnum() and mark.starts[0].isalnum():
                continue
            host = match.groupdict().get("host")
            value = f"{mark.id}:{match['id']}" + (f"@{host.lower()}" if host else "")
            aside = "maker_example" if value in marks.shared_ids else None
            yield _Found("account", value, start, end, aside)


def _fingerprints(text: str) -> Iterator[_Found]:
    """Yield fingerprints of keys: in groups of four, or after a word that says so."""
    for match in _GROUPED.finditer(text):
        value = _SPACE.sub("", match[0]).upper()
        if len(set(value)) > 4:
            yield _Found("pgp", value, *match.span())
    for match in _HEX.finditer(text):
        start = match.start()
        if _SAYS_KEY.search(text[max(start - _LONGEST_WORDING, 0) : start]):
            yield _Found("pgp", match["id"].upper(), *match.span("id"))


def _key_blocks(source: str) -> list[tuple[int, int]]:
    """Return where armoured public keys stand; one without end ends where no key is as long."""
    spans = []
    at = source.find(pgp.BEGIN)
    while at >= 0:
        following = source.find(pgp.BEGIN, at + 1)
        limit = following if following >= 0 else len(source)
        end = source.find(pgp.END, at, limit)
        spans.append((at, end + len(pgp.END) if end >= 0 else min(limit, at + pgp.LOOKED_AT)))
        at = following
    return spans


class _Where:
    """Where places of the text as it reads are in the source, and inside what."""

    def __init__(self, view: View, places: Places) -> None:
        self._view, self._places = view, places

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return a stretch of the source."""
        return self._view.span(start, end) if self._view.text_differs else (start, end)

    def segment(self, start: int) -> Segment | None:
        """Return what a place of the text as it reads is inside of."""
        return self._places.at(self.span(start, start + 1)[0])


def _digest(text: str) -> str:
    """Return SHA-256 in hex; lone surrogates, which no page as bytes has, count as they stand."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_SERVER: Final = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]{0,20}:)?//(?P<host>[^/?#:\0]*)[^/?#\0]*")
_UPWARDS: Final = re.compile(r"(?:\.{0,2}/)*")


def _path(url: str) -> str:
    """Return the path of a URL, however deep the page lies that names it."""
    server = _SERVER.match(url)
    rest = url[server.end() :] if server is not None else url.strip()
    upwards = _UPWARDS.match(rest)
    return re.split(r"[?#]", rest[upwards.end() if upwards else 0 :], maxsplit=1)[0].strip()


_FEWEST_CHARACTERS: Final = 40
_FEWEST_OF_COMMENT: Final = 20
_FEWEST_FIELDS: Final = 4
_FEWEST_CLASSES: Final = 12
_SHARED_COMMENT: Final = re.compile(
    r"\s*(?:\[if\s|\[endif\]|<!\[endif|google tag|end google)", re.I
)


class _Hashed(NamedTuple):
    """An indicator that the structure of the page shows; places are those of the source."""

    kind: str
    value: str
    shown: str
    place: str
    start: int
    end: int
    aside: str | None


def _inline(source: str, segment: Segment) -> _Hashed | None:
    """Return the hash of a script, style or comment."""
    text = source[segment.start : segment.end]
    if "\0" in text or not text.strip():
        return None
    is_comment = segment.what == "comment"
    plain = _SPACE.sub(" " if is_comment else "", text).strip()
    is_shared = _SHARED_COMMENT.match(text) if is_comment else plain in _shared_scripts()
    aside = None
    if is_shared:
        aside = "shared"
    elif len(plain) < (_FEWEST_OF_COMMENT if is_comment else _FEWEST_CHARACTERS):
        aside = "short"
    shown = f"{segment.what}, {len(text):,} characters"
    value = _digest(plain)
    return _Hashed(segment.what, value, shown, segment.what, segment.start, segment.end, aside)


def _shared_scripts() -> frozenset[str]:
    """Return the scripts of the data file without space."""
    return frozenset(_SPACE.sub("", one) for one in load_marks().shared_scripts)


_REFERRING: Final = frozenset(("script", "link", "meta"))


def _referred(source: str, tag: Tag, found: dict[str, Segment]) -> Iterator[_Hashed]:
    """Yield what a tag refers to: paths of scripts, styles and icons, hashes of files."""

    def text(name: str) -> str:
        return source[found[name].start : found[name].end].strip() if name in found else ""

    relation = text("rel").lower().split()
    kind, name = "", "href"
    if tag.name == "script" and "src" in found:
        kind, name = "script_path", "src"
    elif tag.name == "link" and "stylesheet" in relation:
        kind = "style_path"
    elif tag.name == "link" and {"icon", "apple-touch-icon", "mask-icon"} & set(relation):
        kind = "favicon"
    elif tag.name == "meta" and text("name").lower() == "generator" and text("content"):
        at = found["content"]
        value = unfold(text("content")).text.replace("\0", "").lower()
        yield _Hashed("generator", value, text("content"), at.place, at.start, at.end, "software")
    if not kind or name not in found:
        return
    url, at = unfold(text(name)).text, found[name]
    path = _path(url)
    if path and "\0" not in url and not url.lower().startswith(("data:", "blob:")):
        server = _SERVER.match(url)
        host = read_host(server["host"]) if server is not None else None
        is_shared = load_marks().shared_files.search(path) is not None
        is_shared = is_shared or (host is not None and host_aside(host) == "shared")
        value = _digest(path) if kind == "favicon" else path
        aside = "shared" if is_shared else None
        yield _Hashed(kind, value, text(name), at.place, at.start, at.end, aside)
        if text("integrity"):
            one = found["integrity"]
            for stated in text("integrity").split()[:4]:
                if re.fullmatch(r"sha(?:256|384|512)-[A-Za-z0-9+/]{43,86}={0,2}", stated):
                    yield _Hashed("integrity", stated, stated, one.place, one.start, one.end, aside)


_FIELDS: Final = frozenset(("input", "select", "textarea"))


def _sets(source: str, tags: list[tuple[Tag, dict[str, Segment]]]) -> Iterator[_Hashed]:
    """Yield the hashes of field names, a form each, and of the page's class names."""
    classes: set[str] = set()
    names: set[str] = set()
    start, is_open = 0, False

    def form(end: int) -> Iterator[_Hashed]:
        if names:
            aside = "short" if len(names) < _FEWEST_FIELDS else None
            shown = f"form, {len(names)} names of fields"
            yield _Hashed(
                "form", _digest("\n".join(sorted(names))), shown, "tag", start, end, aside
            )

    for tag, found in tags:
        if "class" in found:
            one = found["class"]
            classes.update(source[one.start : one.end].split())
        if tag.name in ("form", "/form"):
            if is_open:
                yield from form(tag.end)
            names.clear()
            start, is_open = tag.start, tag.name == "form"
        elif is_open and tag.name in _FIELDS and "name" in found:
            one = found["name"]
            names.add(source[one.start : one.end].strip().lower())
    if is_open:
        yield from form(len(source))
    classes = {re.sub("[0-9]", "0", one) for one in classes if "\0" not in one}
    if classes:
        aside = "short" if len(classes) < _FEWEST_CLASSES else None
        shown = f"page, {len(classes)} class names"
        value = _digest("\n".join(sorted(classes)))
        yield _Hashed("classes", value, shown, "page", 0, len(source), aside)


def _structure(source: str, places: Places) -> Iterator[_Hashed]:
    """Yield all that the structure of the page shows."""
    for segment in places.segments:
        if segment.what != "attribute":
            one = _inline(source, segment)
            if one is not None:
                yield one
    tags = places.attributes()
    for tag, found in tags:
        if tag.name in _REFERRING:
            yield from _referred(source, tag, found)
    yield from _sets(source, tags)


def _in_text(text: str, where: _Where) -> Iterator[_Found]:
    """Yield all that is told by its form, wherever it stands."""
    for one in _ipv4(text):
        segment = where.segment(one.start)
        drawn = segment is not None and segment.name in _DRAWN
        yield one._replace(aside="drawing") if drawn else one
    yield from _ipv6(text)
    hosts = _Hosts()
    yield from _urls(text, hosts)
    yield from _names(text, where, hosts)
    yield from _hidden(text)
    yield from _emails(text, hosts)
    yield from _accounts(text)
    yield from _fingerprints(text)


def _keys(source: str, spans: Sequence[tuple[int, int]], places: Places) -> Iterator[Indicator]:
    """Yield the armoured keys of a source."""
    for start, end in spans:
        value = pgp.fingerprint(source[start:end])
        segment = places.at(start)
        yield Indicator(
            *("pgp", value or "", f"public key block, {end - start:,} characters"),
            *(segment.place if segment is not None else "text", start, end),
            None if value is not None else ASIDE["unreadable_key"],
        )


def find_indicators(source: str) -> tuple[Indicator, ...]:
    """Find what the source of a page gives away of who runs it.

    Encodings are read first, as `find` does; names with dots in brackets and "at" in brackets
    are read, too. Data URIs and base64 are passed over unread; of a key block, the key alone.

    Parameters
    ----------
    source : str
        HTML as it was saved, an error page, or plain text.

    Returns
    -------
    tuple of Indicator
        By place in the source; of those that say the same in one kind of place, the first.

    Limits
    ------
    Names outside URLs are hosts only under well-known top-level domains. A version number may
    pass for an address and the other way round. Nothing here proves who runs a page: pages share
    templates, servers and helpers.

    Cost: linear; about 0.3 seconds for a megabyte of HTML.

    Examples
    --------
    >>> page = "<p>Made up.<!-- backend 203.0.113.7, db at mail.made-up.se --></p>"
    >>> for one in find_indicators(page):
    ...     print(one.kind, one.value[:3], one.place, one.links)
    comment d65 comment True
    ipv4 203 comment False
    host mai comment True
    domain mad comment True
    """
    places = read_places(source)
    blocks = _key_blocks(source)
    rest = masked(source, blocks)
    rest = masked(rest, [(one.start, one.end) for one in refused(rest)])
    view = unfold(rest)
    where = _Where(view, places)
    found = list(_keys(source, blocks, places))
    for one in _in_text(view.text, where):
        start, end = where.span(one.start, one.end)
        segment = places.at(start)
        place = segment.place if segment is not None else "text"
        aside = ASIDE[one.aside] if one.aside else None
        found.append(Indicator(one.kind, one.value, rest[start:end], place, start, end, aside))
    for other in _structure(rest, places):
        aside = ASIDE[other.aside] if other.aside else None
        found.append(Indicator(*other[:-1], aside))
    return _first_of_each(found)


def _first_of_each(found: Iterable[Indicator]) -> tuple[Indicator, ...]:
    """Return indicators in order of place, without what says the same in the same kind of place."""
    order = {kind.id: i for i, kind in enumerate(KINDS)}
    seen: dict[tuple[str, str, str, str | None], Indicator] = {}
    for one in sorted(found, key=lambda one: (one.start, order[one.kind], one.end)):
        seen.setdefault((one.kind, one.value, one.place, one.set_aside), one)
    return tuple(seen.values())


_KEY_SHORTEST: Final = 16


def indicator_key(kind: str, value: str, key: bytes) -> bytes:
    """Return by what indicators are compared without being kept: a keyed hash.

    Without the key nobody can try values, of which there are few (all IPv4 addresses, say).

    Parameters
    ----------
    kind, value : str
        Of an `Indicator`.
    key : bytes
        A secret, 16 bytes or more.

    Returns
    -------
    bytes
        16 bytes: HMAC-SHA256, cut off. Equal for equal kind and value under one key.

    Raises
    ------
    UsageError
        If the key is shorter.

    Examples
    --------
    >>> indicator_key("host", "made-up.se", b"a secret of 16 b").hex()
    'ffe3827ad8c333c7eb93aa9f5ea7958b'
    """
    if len(key) < _KEY_SHORTEST:
        raise UsageError(
            f"a key of {len(key)} bytes for indicators",
            hint=f"give a secret of {_KEY_SHORTEST} bytes or more",
        )
    message = kind.encode() + b"\0" + value.encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, "sha256")[:16]
