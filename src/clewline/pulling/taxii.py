"""A TAXII 2.1 client that reads one collection, from where it stopped the last time.

Sections are those of the OASIS standard TAXII 2.1 of 10 June 2021. It asks the server that the
operator named and no other: an API root elsewhere is refused, because the login would go there. It
sends GET alone. Objects are kept by identifier, the latest version of each, so that a bundle of all
that was ever read can be written whenever nothing is left to read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from time import monotonic
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from clewline.errors import NodeAnswerError, NodeError, SharedFileError, UsageError
from clewline.sharing.json_file import MOST_BYTES, canonical, parsed
from clewline.sources.server import (
    Answer,
    Busy,
    Report,
    Server,
    ServerUrl,
    TooLong,
    parse_url,
    with_query,
)
from clewline.sources.server import patience as settled

MEDIA: Final = "application/taxii+json;version=2.1"
PAGE: Final = 500
"""Objects that are asked for at a time; a server may give fewer (section 3.5)."""
MOST_OBJECTS: Final = 100_000
MOST_PAGES: Final = 10_000
MOST_SECONDS: Final = 1_800.0
"""After so long a run ends with what it has; the next one goes on from there."""
_PAGE_BYTES: Final = 16 << 20
_EXAMPLE: Final = "https://taxii.partner.example/taxii2/"
_STATE: Final = "clewline-taxii-state"
_OK: Final = 200
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_REFUSED: Final = frozenset({401, 403})
Table = dict[str, Any]


@dataclass(frozen=True)
class State:
    """How far a collection was read.

    Attributes
    ----------
    root, collection : str
        API root, as its URL, and the collection's id.
    added_after : str
        Of all that was added until then the latest version is here; empty at the beginning.
    next : str
        Where the server said that a reading goes on that was not finished; empty if none.
    last : str
        When the latest object of that reading was added.
    objects : dict of str to dict
        Identifier → its latest version.
    """

    root: str
    collection: str
    added_after: str = ""
    next: str = ""
    last: str = ""
    objects: Mapping[str, Table] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        """Return the state as a file."""
        return canonical({"format": _STATE, "version": 1, **asdict(self)}) + b"\n"

    def bundle(self) -> bytes:
        """Return what was read as a STIX bundle; the same objects give the same bytes."""
        objects = [self.objects[name] for name in sorted(self.objects)]
        name = uuid5(NAMESPACE_URL, f"{self.root} {self.collection}")
        return canonical({"type": "bundle", "id": f"bundle--{name}", "objects": objects}) + b"\n"


def read_state(data: bytes, where: str) -> State:
    """Read a state that was kept.

    Raises
    ------
    SharedFileError
        If it is none.

    Examples
    --------
    >>> kept = State("https://taxii.example:443/api", "91a7b528-80eb-42ed-a74d-c6fbd5a26116")
    >>> read_state(kept.as_bytes(), "state.json") == kept
    True
    """
    table = parsed(data, where)
    wrong = SharedFileError("is no state of `share pull`", where=where)
    if not isinstance(table, dict) or (table.pop("format", 0), table.pop("version", 0)) != (
        _STATE,
        1,
    ):
        raise wrong
    objects = table.pop("objects", None)
    texts = {"root", "collection", "added_after", "next", "last"}
    if set(table) != texts or not all(isinstance(one, str) for one in table.values()):
        raise wrong
    if not isinstance(objects, dict) or not all(isinstance(one, dict) for one in objects.values()):
        raise wrong
    return State(**table, objects=objects)


def authorization(text: str, where: str) -> str:
    """Return the header for a login.

    Parameters
    ----------
    text : str
        ``token KEY``, ``bearer KEY`` or ``basic NAME:PASSWORD``.
    where : str
        From where it is, for messages, which never repeat it.

    Raises
    ------
    UsageError
        If it is none of these.

    Examples
    --------
    >>> authorization("basic ann:made up", "--login-file")
    'Basic YW5uOm1hZGUgdXA='
    >>> authorization("token 00ff", "--login-file")
    'Token 00ff'
    """
    kind, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    plain = bool(rest) and all(" " <= letter <= "~" for letter in rest)
    if plain and kind.lower() in ("token", "bearer") and " " not in rest:
        return f"{kind.capitalize()} {rest}"
    if plain and kind.lower() == "basic" and ":" in rest:
        return f"Basic {base64.b64encode(rest.encode()).decode()}"
    raise UsageError(
        "is no login", where=where, hint="`token KEY`, `bearer KEY` or `basic NAME:PASSWORD`"
    )


def pull(
    url: str,
    login: str,
    collection: str = "",
    state: State | None = None,
    *,
    keep: Callable[[State], None] = lambda _state: None,
    patience: float | None = None,
    report: Report = lambda _line: None,
) -> State:
    """Read all that a collection holds and was not read before.

    Parameters
    ----------
    url : str
        Of the discovery (section 4.1): https, or http to this machine.
    login : str
        As `authorization` returns it; empty for none.
    collection : str
        Its id; may be left out where one alone can be read.
    state : State, optional
        From where to go on.
    keep : callable
        Called with the state after each page.
    patience : float
        Seconds to go on asking while the server is busy; those of the settings if none is given.
    report : callable
        Told, once each, why the server is asked again.

    Returns
    -------
    State
        With nothing left to read.

    Raises
    ------
    UsageError
        If the URL is none that may be asked, or there is no such collection.
    NodeError
        If nothing answers, the login is refused, or reading takes too long.
    NodeAnswerError
        If what answers is no TAXII 2.1 server, or sends more than is taken.
    """
    where = parse_url(url, "URL", _EXAMPLE)
    if where.login is not None:
        raise UsageError("must not hold a name or password", where="URL", hint="see --login-file")
    if not (where.secure or where.is_local):
        raise UsageError("must be https, but to this machine", where="URL", hint=_EXAMPLE)
    server = _Taxii(where, login, settled() if patience is None else patience, report)
    try:
        root, name = _chosen(server, f"{where.path}/", collection, state)
        begun = state or State(f"{server.origin}{root}", name)
        return _read(server, f"{root}collections/{name}/objects/", begun, keep)
    finally:
        server.close()


class _Taxii(Server):
    """GET requests to one TAXII 2.1 server."""

    def __init__(self, url: ServerUrl, login: str, patience: float, report: Report) -> None:
        # Paths are whole from here on: an API root need not lie below the discovery.
        super().__init__(
            replace(url, path=""), "does a TAXII server answer there?", patience, report
        )
        self._at = url
        self._headers = {"Accept": MEDIA, "User-Agent": "Clewline"}
        if login:
            self._headers["Authorization"] = login

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self._at.shown.removesuffix(self._at.path)

    def path_of(self, root: str) -> str:
        """Return the path of an API root, given whole or from the server's top (section 4.1.1).

        Raises
        ------
        NodeAnswerError
            If it lies on another server.
        """
        if root.startswith("/") and not root.startswith("//"):
            root = self.origin + root
        try:
            url = parse_url(root, "API root", _EXAMPLE)
        except UsageError as error:
            raise NodeAnswerError(error.message, where=f"{self.shown}, API root") from None
        same = (url.secure, url.host, url.port) == (self._at.secure, self._at.host, self._at.port)
        if not same or url.login is not None:
            raise NodeAnswerError(
                "lies on another server; only the one that was named is asked",
                where=f"{self.shown}, API root {url.shown}",
            )
        return f"{url.path}/"

    def get(self, path: str, **asked: str) -> tuple[Table, Mapping[str, str]]:
        """Return a resource and the headers with it."""
        answer = self.retry(lambda: self._attempt(with_query(path, **asked)))
        where = f"{self.shown}{path}"
        if answer.status in _REFUSED:
            raise NodeError(f"answers {answer.status}: the login is refused", where=where)
        if answer.status != _OK:
            raise NodeAnswerError(f"answers {answer.status}", where=where)
        kind = answer.headers.get("content-type", "").replace(" ", "").lower()
        if kind.partition(";")[0] != "application/taxii+json" or "version=2.0" in kind:
            raise NodeAnswerError(f"is no {MEDIA}", where=where)  # section 1.6.8.1
        try:
            found = parsed(answer.body, where)
        except SharedFileError as error:
            raise NodeAnswerError(error.message, where=where) from None
        if not isinstance(found, dict):
            raise NodeAnswerError("is no object", where=where)
        return found, answer.headers

    def _attempt(self, path: str) -> Answer:
        """Ask once."""
        try:
            answer = self._request("GET", path, None, self._headers, _PAGE_BYTES)
        except TooLong:
            raise NodeAnswerError(
                f"is longer than {_PAGE_BYTES >> 20} MiB", where=self.shown
            ) from None
        if answer.status in _BUSY:
            wait = answer.retry_after
            raise Busy(f"answers {answer.status}", float(wait) if wait.isdecimal() else 0.0)
        return answer


def _chosen(
    server: _Taxii, discovery: str, collection: str, state: State | None
) -> tuple[str, str]:
    """Return the path of an API root and the id of the collection in it that is to be read."""
    told, _ = server.get(discovery)  # section 4.1
    roots = [server.path_of(one) for one in _texts(told.get("api_roots"))]
    found = [(root, one) for root in roots for one in _collections(server, root)]
    if state is not None:
        if collection not in ("", state.collection):
            raise UsageError("is of another collection", where="--state")
        found = [one for one in found if f"{server.origin}{one[0]}" == state.root]
        collection = state.collection
    chosen = [one for one in found if collection in ("", one[1])]
    if len(chosen) != 1:
        raise UsageError(
            f"{len(chosen)} collections that can be read match",
            where="--collection",
            hint=f"there are: {', '.join(name[:60] for _, name in found[:20]) or 'none'}",
        )
    return chosen[0]


def _collections(server: _Taxii, root: str) -> Iterator[str]:
    """Yield the ids of the collections of an API root that can be read."""
    about, _ = server.get(root)  # section 4.2
    versions = {one.replace(" ", "") for one in _texts(about.get("versions"))}
    if MEDIA not in versions:
        return
    listed, _ = server.get(f"{root}collections/")  # section 5.1
    rows = listed.get("collections", [])
    for one in rows if isinstance(rows, list) else []:
        name = one.get("id") if isinstance(one, dict) else None
        if not isinstance(name, str) or one.get("can_read") is not True:
            continue
        # It becomes a part of a path: letters, digits and hyphens, as in a UUID.
        if name.isascii() and name.replace("-", "").isalnum():
            yield name


def _read(server: _Taxii, path: str, state: State, keep: Callable[[State], None]) -> State:
    """Read page after page (sections 3.4, 3.5 and 5.4)."""
    begun, size = monotonic(), len(state.bundle())
    for _ in range(MOST_PAGES):
        if monotonic() - begun > MOST_SECONDS:
            raise NodeError(
                f"not read to its end in {MOST_SECONDS:.0f} seconds",
                where=server.shown,
                hint="run again: it goes on from there",
            )
        asked = {"added_after": state.added_after, "limit": str(PAGE), "next": state.next}
        envelope, headers = server.get(path, **asked)
        objects, more = _objects(envelope, path), envelope.get("more") is True
        size += sum(len(canonical(one)) for one in objects)
        held = dict(state.objects)
        for one in objects:
            if _version(one) >= _version(held.get(one["id"], {})):
                held[one["id"]] = one
        if len(held) > MOST_OBJECTS or size > MOST_BYTES:
            raise NodeAnswerError(
                f"holds more than {MOST_OBJECTS} objects or {MOST_BYTES >> 20} MiB",
                where=server.shown,
            )
        # Section 3.2: when the latest object of the page was added.
        last = headers.get("x-taxii-date-added-last", "")[:40] or state.last
        state = _after(state, envelope.get("next"), last, held, more=more, where=path)
        keep(state)
        if not more:
            return state
    raise NodeAnswerError(f"has more than {MOST_PAGES} pages", where=server.shown)


def _after(state: State, token: Any, last: str, held: Table, *, more: bool, where: str) -> State:
    """Return the state after a page."""
    if not more:
        return replace(state, added_after=last or state.added_after, next="", last="", objects=held)
    if isinstance(token, str) and token and token != state.next:
        return replace(state, next=token, last=last, objects=held)
    if token is None and last not in ("", state.added_after):
        # Section 3.5: without `next`, one goes on after what was added last.
        return replace(state, added_after=last, next="", last="", objects=held)
    raise NodeAnswerError("says that there is more, and not where", where=where)


def _objects(envelope: Table, where: str) -> list[Table]:
    """Return the objects of an envelope (section 3.7)."""
    rows = envelope.get("objects", [])
    if not isinstance(rows, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in rows
    ):
        raise NodeAnswerError("holds no list of objects", where=where)
    return rows


def _version(one: Table) -> str:
    """Return the version of an object: times of STIX 2.1 are ordered as text (section 3.4.1)."""
    return str(one.get("modified") or one.get("created") or "").rstrip("Z")


def _texts(values: Any) -> list[str]:
    """Return the texts of a list; nothing where it is none."""
    return [one for one in values if isinstance(one, str)] if isinstance(values, list) else []
