"""Pages of the audit log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from typing import Final

from django.contrib import messages
from django.db import connection
from django.db.models import Max
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from clewline.desk.audit import services, triggers
from clewline.desk.audit.chain import Row, line_of
from clewline.desk.audit.forms import LogFilter
from clewline.desk.audit.models import Anchor, Check, Event
from clewline.desk.door import DeskRequest, door
from clewline.reports.sheet import harmless, visible

_A_PAGE: Final = 100
_CHECKED_AT_ONCE: Final = 100_000


@door("audit.read")
def log(request: DeskRequest) -> HttpResponse:
    """List events, newest first, and say how far the log is known to be whole."""
    form = LogFilter(request.GET or None) if request.GET else LogFilter({})
    found = form.events()
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(seq__lt=int(before))
    events = list(found.order_by("-seq")[: _A_PAGE + 1])
    asked = request.GET.copy()
    asked.pop("before", None)
    context = {
        "form": form,
        "events": events[:_A_PAGE],
        "older": events[_A_PAGE - 1].seq if len(events) > _A_PAGE else None,
        "asked": asked.urlencode(),
        "last": Event.objects.aggregate(last=Max("seq"))["last"] or 0,
        "check": Check.objects.order_by("-id").first(),
        "anchor": Anchor.objects.order_by("-id").prefetch_related("timestamps").first(),
        "missing": triggers.missing(connection),
        "checked_at_once": _CHECKED_AT_ONCE,
        "section": "audit",
    }
    return render(request, "desk/audit/log.html", context, status=422 if form.errors else 200)


@door("audit.check", "POST")
def check(request: DeskRequest) -> HttpResponse:
    """Verify the whole log, where that is a matter of seconds."""
    if (Event.objects.aggregate(last=Max("seq"))["last"] or 0) > _CHECKED_AT_ONCE:
        messages.warning(request, _("The log is long: run `clewline desk audit verify`."))
        return redirect("audit")
    verdict = services.check(request.user.pseudonym)
    request.audit_details = {"up_to": verdict.seq, "fault": str(verdict.fault or "")}
    return redirect("audit")


@door("audit.export")
def export(request: DeskRequest, form: str) -> StreamingHttpResponse:
    """Hand out the events that are asked for: JSON lines, which can be verified, or a sheet."""
    if form not in _FORMS:
        raise Http404
    media, lines = _FORMS[form]
    found = LogFilter(request.GET).events()
    request.audit_details = {"form": form, "filter": request.GET.urlencode()[:200]}
    answer = StreamingHttpResponse(lines(services.rows_of(found)), content_type=media)
    answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
    return answer


def _jsonl(rows: Iterator[Row]) -> Iterator[str]:
    """Write events as lines of JSON."""
    return (line_of(row) + "\n" for row in rows)


class _Echo:
    """A file that hands back what is written into it."""

    @staticmethod
    def write(text: str) -> str:
        """Return the text."""
        return text


def _sheet(rows: Iterator[Row]) -> Iterator[str]:
    """Write events as CSV in which no cell is taken for a formula."""
    writer = csv.writer(_Echo())
    yield str(writer.writerow(Row._fields))
    for row in rows:
        yield str(writer.writerow([harmless(visible(str(value))) for value in row]))


_FORMS: Final[dict[str, tuple[str, Callable[[Iterator[Row]], Iterator[str]]]]] = {
    "jsonl": ("application/jsonl; charset=utf-8", _jsonl),
    "csv": ("text/csv; charset=utf-8", _sheet),
}
