"""What partners' programs fetch and answer: lists, one alert, a MISP feed, matched counts."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse

from clewline.desk.alerts import lists, services
from clewline.desk.alerts.models import Channel, Copy
from clewline.desk.alerts.partner_door import JSON, partner_door
from clewline.desk.partners.models import Partner
from clewline.errors import DataError
from clewline.sharing import SharedList, misp
from clewline.sharing.formats import write

_CSV: Final = "text/csv; charset=utf-8"
_MOST_ANSWER: Final = 2_000


@partner_door("partner.fetch", "GET")
def whole(request: HttpRequest, partner: Partner, form: str) -> HttpResponse:
    """Give the whole list, or with ``since`` what changed after that version."""
    _require_channel(partner, "pull")
    version = lists.latest_version(partner)
    if not version:
        return HttpResponse(status=204)
    since = request.GET.get("since", "")
    if since and not (since.isdecimal() and len(since) < 10):
        raise DataError("must be the number of a version", where="since")
    if since and int(since) == version:
        return HttpResponse(status=204)
    shared = lists.changes_since(partner, int(since)) if since else lists.whole_list(partner)
    return _list(request, partner, shared, form)


def _list(request: HttpRequest, partner: Partner, shared: SharedList, form: str) -> HttpResponse:
    """Give a list under its entity tag; who has it already is told so."""
    content = write(form, shared)
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    same = request.headers.get("If-None-Match") == tag
    answer = HttpResponse(
        b"" if same else content,
        status=304 if same else 200,
        content_type=_CSV if form == "csv" else JSON,
    )
    answer["ETag"], answer["Cache-Control"] = tag, "private, no-store"
    answer["Clewline-Version"] = str(shared.version)
    services.fetched(partner, "pull", shared.version)
    return answer


@partner_door("partner.fetch", "GET")
def one_alert(request: HttpRequest, partner: Partner, ref: str) -> HttpResponse:
    """Give one alert as it was told to this partner."""
    copy = _copy(partner, ref)
    if partner.standing != "active" and copy.kind != "withdrawn":
        raise Http404
    answer = HttpResponse(copy.unseal("document").encode(), content_type=JSON)
    answer["Cache-Control"] = "private, no-store"
    return answer


@partner_door("partner.answer", "POST", withdrawals=False)
def answer_alert(request: HttpRequest, partner: Partner, ref: str) -> HttpResponse:
    """Take a matched count or an objection."""
    copy = _copy(partner, ref)
    said = body_of(request)
    if unknown := set(said) - {"matched", "dispute", "item"}:
        raise DataError(f"unknown field {sorted(unknown)[0][:40]!r}", where="answer")
    matched, dispute, item = said.get("matched"), said.get("dispute", ""), said.get("item", "")
    if not (matched is None or type(matched) is int):
        raise DataError("must be a whole number", where="matched")
    if not (isinstance(dispute, str) and isinstance(item, str)):
        raise DataError("must be text", where="answer")
    services.answer(copy, matched=matched, dispute=dispute, item=item)
    return HttpResponse(json.dumps({"taken": True}), content_type=JSON, status=201)


@partner_door("partner.fetch", "GET")
def misp_feed(request: HttpRequest, partner: Partner, name: str) -> HttpResponse:
    """Give a file of the partner's MISP feed."""
    _require_channel(partner, "misp-feed")
    version = lists.latest_version(partner)
    files = misp.feed(lists.whole_list(partner)) if version else _EMPTY_FEED
    if name not in files:
        raise Http404
    if name not in _EMPTY_FEED:
        services.fetched(partner, "misp-feed", version)
    kind = _CSV if name.endswith(".csv") else JSON
    return HttpResponse(files[name], content_type=kind)


_EMPTY_FEED: Final = {"manifest.json": b"{}\n", "hashes.csv": b""}


def _copy(partner: Partner, ref: str) -> Copy:
    """Return a partner's own copy."""
    found = Copy.objects.filter(partner=partner, ref=ref).first()
    if found is None:
        raise Http404
    return found


def body_of(request: HttpRequest) -> dict[str, Any]:
    """Return the object in a body."""
    if len(request.body) > _MOST_ANSWER:
        raise DataError(f"more than {_MOST_ANSWER} bytes", where="body")
    try:
        said = json.loads(request.body)
    except (ValueError, RecursionError):
        raise DataError("is no JSON", where="body") from None
    if not isinstance(said, dict):
        raise DataError("is no object", where="body")
    return said


def _require_channel(partner: Partner, kind: str) -> None:
    """Refuse a channel that was not opened for this partner, as if there were none."""
    if not Channel.objects.filter(partner=partner, kind=kind, is_open=True).exists():
        raise Http404
