"""A TAXII 2.1 server: one API root, and in it one collection a partner, which no other one sees.

Sections are those of the OASIS standard TAXII 2.1 of 10 June 2021. What is not served stands in
`UNSUPPORTED`, from which docs/ALERTS.md has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse

from clewline.desk.alerts import lists, services
from clewline.desk.alerts.lists import Entry, moment
from clewline.desk.alerts.models import Channel
from clewline.desk.alerts.partner_door import partner_door, problem
from clewline.desk.partners.models import Partner
from clewline.errors import UsageError

MEDIA: Final = "application/taxii+json;version=2.1"
STIX: Final = "application/stix+json;version=2.1"
ROOT: Final = "/taxii2/alerts/"
MOST: Final = 500
"""Objects of a page, whatever the client asks for (section 3.5: the server may give fewer)."""
UNSUPPORTED: Final = {
    "Add objects (5.5)": "collections are read-only: 403",
    "Delete an object (5.7)": "withdrawn objects stay, as revoked: 403",
    "Status (4.3)": "nothing is added, so there is no status: 404",
    "match[spec_version] other than 2.1 (3.4)": "an empty envelope: every object is STIX 2.1",
    "Custom match fields (3.4)": "ignored",
}
"""What of the standard is not served → what is answered instead."""
View = Callable[..., dict[str, Any] | HttpResponse]


def served(section: str) -> Callable[[View], Callable[..., HttpResponse]]:
    """Make an endpoint of a view that returns the resource of a section of the standard."""

    def make(view: View) -> Callable[..., HttpResponse]:
        @partner_door("partner.taxii", "GET", "POST", "DELETE", media=MEDIA)
        def endpoint(request: HttpRequest, partner: Partner, **named: str) -> HttpResponse:
            # Section 3.1: the client says which media type it takes; without a version any.
            accepts = [
                one.split(";q")[0].replace(" ", "")
                for one in request.headers.get("Accept", "").split(",")
            ]
            if not {MEDIA, "application/taxii+json", "*/*", "application/*"} & set(accepts):
                return problem(406, f"only {MEDIA} is served", MEDIA)
            _require_channel(partner)
            if request.method != "GET":
                if "name" in named:
                    _own(partner, named["name"])
                return problem(403, "read-only", MEDIA)
            found = view(request, partner, **named)
            if isinstance(found, HttpResponse):
                return found
            answer = HttpResponse(json.dumps(found), content_type=MEDIA)
            answer["Cache-Control"] = "private, no-store"
            return answer

        endpoint.section = section  # type: ignore[attr-defined]
        return endpoint

    return make


@served("4.1")
def discovery(request: HttpRequest, _partner: Partner) -> dict[str, Any]:
    """Say where the API root is."""
    root = request.build_absolute_uri(ROOT)
    return {"title": "Clewline", "default": root, "api_roots": [root]}


@served("4.2")
def api_root(_request: HttpRequest, _partner: Partner) -> dict[str, Any]:
    """Say what the API root speaks; nothing is written, so the longest content is small."""
    return {"title": "Alerts", "versions": [MEDIA], "max_content_length": 1024}


@served("4.3")
def status(_request: HttpRequest, _partner: Partner, id_: str) -> dict[str, Any]:
    """Know of no request: nothing is ever added."""
    raise Http404


@served("5.1")
def collections(_request: HttpRequest, partner: Partner) -> dict[str, Any]:
    """List the partner's own collection and no other."""
    return {"collections": [_collection(partner)]}


@served("5.2")
def collection(_request: HttpRequest, partner: Partner, name: str) -> dict[str, Any]:
    """Describe a collection."""
    _own(partner, name)
    return _collection(partner)


@served("5.3")
def manifest(request: HttpRequest, partner: Partner, name: str) -> HttpResponse:
    """List the objects of a collection without their content."""
    _own(partner, name)
    return _page(request, partner, lists.entries(partner), _record, receipt=False)


@served("5.4")
def objects(request: HttpRequest, partner: Partner, name: str) -> HttpResponse:
    """Give the objects of a collection."""
    _own(partner, name)
    return _page(request, partner, lists.entries(partner), lambda one: one.body)


@served("5.6")
def one_object(request: HttpRequest, partner: Partner, name: str, id_: str) -> HttpResponse:
    """Give the versions of one object that are asked for."""
    _own(partner, name)
    return _page(request, partner, _of(partner, id_), lambda one: one.body, receipt=False)


@served("5.8")
def versions(request: HttpRequest, partner: Partner, name: str, id_: str) -> HttpResponse:
    """List the versions of one object."""
    _own(partner, name)
    found = _of(partner, id_)
    return _page(
        request, partner, found, lambda one: one.version, "versions", receipt=False, every=True
    )


def _collection(partner: Partner) -> dict[str, Any]:
    """Return the resource of a collection (section 5.2.1)."""
    return {
        "id": lists.collection_id(partner),
        "title": "Alerts",
        "can_read": True,
        "can_write": False,
        "media_types": [STIX],
    }


def _record(one: Entry) -> dict[str, Any]:
    """Return the manifest record of an object (section 5.3.1)."""
    return {
        "id": one.id,
        "date_added": moment(one.added),
        "version": one.version,
        "media_type": STIX,
    }


def _own(partner: Partner, name: str) -> None:
    """Refuse any collection but the partner's own: another's looks as one that does not exist."""
    if name != lists.collection_id(partner):
        raise Http404


def _of(partner: Partner, id_: str) -> list[Entry]:
    """Return the versions of an object.

    Raises
    ------
    Http404
        If the collection does not have it.
    """
    found = [one for one in lists.entries(partner) if one.id == id_]
    if not found:
        raise Http404
    return found


def _page(
    request: HttpRequest,
    partner: Partner,
    found: Sequence[Entry],
    show: Callable[[Entry], Any],
    key: str = "objects",
    *,
    receipt: bool = True,
    every: bool = False,
) -> HttpResponse:
    """Return a page of what is asked for (sections 3.4 filtering, 3.5 pagination).

    The place of the next page counts objects in the order in which they came in, each version for
    itself, so that what comes in meanwhile moves nothing.
    """
    limit = min(_number(request, "limit", MOST), MOST)
    start = _number(request, "next", 0, least=0)
    chosen = _matching(request, found, every=every)
    rest = [place for place in chosen if place >= start]
    page, more = rest[:limit], len(rest) > limit
    shown = [found[place] for place in page]
    body: dict[str, Any] = {key: [show(one) for one in shown]} if shown else {}
    if more:
        body |= {"more": True, "next": str(page[-1] + 1)}
    answer = HttpResponse(json.dumps(body), content_type=MEDIA)
    answer["Cache-Control"] = "private, no-store"
    if shown:
        # Section 3.2: over the page, first and last.
        answer["X-TAXII-Date-Added-First"] = moment(min(one.added for one in shown))
        answer["X-TAXII-Date-Added-Last"] = moment(max(one.added for one in shown))
    if receipt and shown and not any(name.startswith("match[") for name in request.GET):
        last = shown[-1].number
        cut = more and found[rest[limit]].number == last
        services.fetched(partner, "taxii", last - 1 if cut else last)
    return answer


def _matching(request: HttpRequest, found: Sequence[Entry], *, every: bool) -> list[int]:
    """Return the places of the objects that a request asks for (section 3.4)."""
    asked = request.GET
    after = _time(asked.get("added_after", ""), "added_after")
    ids, types = _words(asked.get("match[id]", "")), _words(asked.get("match[type]", ""))
    specs = _words(asked.get("match[spec_version]", ""))
    places = range(len(found))
    wanted = None if every else _versions(asked.get("match[version]", "last"), found)
    return [
        place
        for place in places
        if (after is None or found[place].added > after)
        and (not ids or found[place].id in ids)
        and (not types or found[place].body["type"] in types)
        and (not specs or "2.1" in specs)
        and (wanted is None or place in wanted)
    ]


def _versions(text: str, found: Sequence[Entry]) -> set[int] | None:
    """Return the places of the versions that are asked for: all, first, last, or named ones."""
    words = _words(text)
    if "all" in words:
        return None
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, one in enumerate(found):
        first.setdefault(one.id, place)
        last[one.id] = place
    places: set[int] = set()
    if "first" in words:
        places |= set(first.values())
    if "last" in words:
        places |= set(last.values())
    named = {time for word in words - {"first", "last"} if (time := _time(word, "match[version]"))}
    return places | {
        place for place, one in enumerate(found) if named and _time(one.version, "") in named
    }


def _words(text: str) -> set[str]:
    """Return the values of a match field, which commas separate."""
    return {word for word in text[:4_000].split(",") if word}


def _time(text: str, where: str) -> datetime | None:
    """Return a time of a request; none where it is empty."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("is no time", where=where, hint="2026-01-31T00:00:00.000000Z") from None
    if when.tzinfo is None:
        raise UsageError("must be UTC, with Z", where=where)
    return when


def _number(request: HttpRequest, name: str, default: int, least: int = 1) -> int:
    """Return a number of a request.

    Raises
    ------
    UsageError
        If it is none.
    """
    text = request.GET.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise UsageError("is no such number", where=name)
    return int(text)


def _require_channel(partner: Partner) -> None:
    """Refuse a partner without this channel, as if there were none."""
    if not Channel.objects.filter(partner=partner, kind="taxii", is_open=True).exists():
        raise Http404
