"""Pages of a case's money. Who is no member of the case gets what a made-up reference gets."""

from __future__ import annotations

from typing import Any, Final

from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from clewline.desk.cases.models import Case
from clewline.desk.cases.views import tell
from clewline.desk.door import DeskRequest, door, take
from clewline.desk.money import lists, queries, services, working
from clewline.desk.money.forms import (
    AnswersForm,
    CloseForm,
    ColumnsForm,
    DecideForm,
    DraftForm,
    ListForm,
    RevealForm,
    ReviewForm,
    RunForm,
    SentForm,
)
from clewline.desk.money.models import REVIEWS, TABLES, CaseRow, CaseRun, ImportedList, VaspRequest
from clewline.desk.money.seeds import seeds_of
from clewline.desk.ours import checks
from clewline.errors import UsageError

SHOWN: Final = 100
"""Rows of a page."""


@door("case.read")
def money(request: DeskRequest, ref: str) -> HttpResponse:
    """Show the runs, requests and lists of a case."""
    case = take(request, Case, ref)
    page = {
        "runs": [{"run": run, "state": queries.state_of(run)} for run in queries.runs(case)],
        "requests": _described(case),
        "lists": case.imported_lists.select_related("by").order_by("-at", "-id"),
    }
    return _shown(request, "case", case, page)


@door("run.start", "GET", "POST")
def start(request: DeskRequest, ref: str) -> HttpResponse:
    """Choose addresses, rule and range, and have the tables computed."""
    case = take(request, Case, ref)
    seeds = seeds_of(request.user, case)
    form = RunForm(seeds, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            run = services.start_run(request.user, case, **form.cleaned_data)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            tell(request, case, run=run.ref)
            return redirect("run", run.ref)
    return _shown(request, "start", case, {"form": form, "seeds": seeds}, form)


@door("case.read")
def run(request: DeskRequest, ref: str) -> HttpResponse:
    """Show how far a run is, or what it found."""
    return _run(request, take(request, CaseRun, ref))


@door("run.start", "POST")
def cancel(request: DeskRequest, ref: str) -> HttpResponse:
    """Have a run stop."""
    services.cancel_run(request.user, take(request, CaseRun, ref))
    return redirect("run", ref)


@door("run.start", "POST")
def again(request: DeskRequest, ref: str) -> HttpResponse:
    """Start a run again that did not end well."""
    made = services.run_again(request.user, take(request, CaseRun, ref))
    tell(request, made.case, run=made.ref)
    return redirect("run", made.ref)


@door("case.read")
def table(request: DeskRequest, ref: str, name: str) -> HttpResponse:
    """Show the rows of a run, a hundred at a time."""
    found = take(request, CaseRun, ref)
    if name not in TABLES:
        raise Http404
    after = request.GET.get("after", "")
    start = int(after) if after.isdecimal() and len(after) < 10 else 0
    rows = list(queries.rows(request.user, found, name).filter(position__gt=start)[: SHOWN + 1])
    page: dict[str, Any] = {"run": found, "table": name, "title": TABLES[name], "reviews": REVIEWS}
    page["rows"] = rows[:SHOWN]
    page["more"] = rows[SHOWN - 1].position if len(rows) > SHOWN else None
    return _shown(request, "rows", found.case, page)


@door("case.read")
def row(request: DeskRequest, ref: str, name: str, position: int) -> HttpResponse:
    """Show one row, layer by layer."""
    return _row(request, _row_of(request, ref, name, position), ReviewForm())


@door("row.review", "POST")
def review(request: DeskRequest, ref: str, name: str, position: int) -> HttpResponse:
    """Say what one thinks of a row."""
    found, form = _row_of(request, ref, name, position), ReviewForm(request.POST)
    if not form.is_valid():
        return _row(request, found, form)
    services.review(request.user, found, **form.cleaned_data)
    tell(request, found.run.case, row=f"{name} {position}", state=form.cleaned_data["state"])
    return redirect("run-row", ref, name, position)


@door("request.draft", "POST")
def draft(request: DeskRequest, ref: str) -> HttpResponse:
    """Draft a request to each of the chosen exchanges."""
    found = take(request, CaseRun, ref)
    form = DraftForm(found, request.POST)
    if not form.is_valid():
        return _run(request, found, form)
    packs = found.packs.filter(slug__in=form.cleaned_data["packs"]).order_by("exchange")
    why = form.cleaned_data["why"]
    made = [services.draft_request(request.user, found.case, one, why) for one in packs]
    tell(request, found.case, requests=[one.ref for one in made])
    return redirect("case-money", found.case.ref)


@door("case.read")
def asked(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a request and how its rows stand; what was answered stays sealed."""
    return _request(request, take(request, VaspRequest, ref))


@door("pack.take")
def pack(request: DeskRequest, ref: str) -> HttpResponse:
    """Hand out the pack of an approved request."""
    found = take(request, VaspRequest, ref)
    content = services.take_pack(found)
    request.audit_details = {"sha256": found.pack.sha256}
    answer = HttpResponse(content, content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{ref}-{found.pack.slug}.zip"'
    return answer


@door("request.approve", "POST")
def decide(request: DeskRequest, ref: str) -> HttpResponse:
    """Approve a request, or refuse it."""
    found, form = take(request, VaspRequest, ref), DecideForm(request.POST)
    if not form.is_valid():
        return _request(request, found, decide_form=form)
    approved = "approve" in request.POST
    services.decide(request.user, found, approved=approved, **form.cleaned_data)
    tell(request, found.case, approved=approved, **form.cleaned_data)
    return redirect("request", ref)


@door("request.send", "POST")
def sent(request: DeskRequest, ref: str) -> HttpResponse:
    """Note when and how a request went out."""
    found, form = take(request, VaspRequest, ref), SentForm(request.POST)
    if not form.is_valid():
        return _request(request, found, sent_form=form)
    services.mark_sent(request.user, found, **form.cleaned_data)
    tell(request, found.case, route=form.cleaned_data["route"])
    return redirect("request", ref)


@door("request.send", "POST")
def close(request: DeskRequest, ref: str) -> HttpResponse:
    """Wait no longer for answers."""
    found, form = take(request, VaspRequest, ref), CloseForm(request.POST)
    if not form.is_valid():
        return _request(request, found, close_form=form)
    services.close_request(request.user, found, **form.cleaned_data)
    tell(request, found.case, closed=True)
    return redirect("request", ref)


@door("request.answer", "POST")
def answers(request: DeskRequest, ref: str) -> HttpResponse:
    """Take in a filled sheet."""
    found, form = take(request, VaspRequest, ref), AnswersForm(request.POST)
    if not form.is_valid():
        return _request(
            request,
            found,
            answers_form=AnswersForm(),
            wrong=[str(one) for one in form.errors["text"]],
        )
    try:
        kept, problems = services.take_answers(request.user, found, form.cleaned_data["text"])
    except UsageError as error:
        return _request(request, found, answers_form=AnswersForm(), wrong=[str(error)])
    tell(request, found.case, kept=len(kept), refused=len(problems))
    return _request(request, found, kept=len(kept), problems=problems)


@door("request.reveal", "GET", "POST")
def reveal(request: DeskRequest, ref: str) -> HttpResponse:
    """Open what an exchange answered, for a reason."""
    found = take(request, VaspRequest, ref)
    form = RevealForm(request.POST if request.method == "POST" else None)
    page: dict[str, Any] = {"request_row": found, "form": form}
    if request.method == "POST" and form.is_valid():
        request.audit_details = {"reason": form.cleaned_data["reason"]}
        page["answers"] = queries.opened_answers(found)
    return _shown(request, "reveal", found.case, page, form)


def _asks_only(request: DeskRequest) -> bool:
    """Tell a paste that is only read."""
    return "import" not in request.POST


@door("list.import", "GET", "POST", asks=_asks_only)
def import_list(request: DeskRequest, ref: str) -> HttpResponse:
    """Read a list of another tool; name its columns; keep it."""
    case = take(request, Case, ref)
    if request.method != "POST":
        return _shown(request, "import", case, {"form": ListForm()})
    form = ListForm(request.POST)
    if not form.is_valid():
        return _shown(request, "import", case, {"form": form}, form)
    text = form.cleaned_data["text"]
    try:
        header = lists.header_of(text)
    except UsageError as error:
        form.add_error("text", str(error))
        return _shown(request, "import", case, {"form": form}, form)
    columns = ColumnsForm(header, _columns(request, header))
    page: dict[str, Any] = {"form": form, "columns": columns, "first": lists.first_row(text)}
    page["header"] = header
    try:
        if not columns.is_valid():
            raise UsageError("no such column", where="columns")
        if "import" in request.POST:
            made = services.import_list(
                request.user, case, columns=columns.chosen(), **form.cleaned_data
            )
            tell(request, case, list=made.ref)
            return redirect("case-list", made.ref)
        rows, problems = lists.read_list(text, columns.chosen())
    except UsageError as error:
        columns.add_error(None, str(error))
        return _shown(request, "import", case, page, columns)
    page |= {"rows": rows[:10], "count": len(rows), "problems": problems[:20]}
    page["refused"] = len(problems)
    return _shown(request, "import", case, page)


@door("case.read")
def imported(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a list of another tool: its word, never mixed with rows of ours."""
    found = take(request, ImportedList, ref)
    page = {"list": found, "rows": found.rows.order_by("line")[:500], "count": found.rows.count()}
    return _shown(request, "list", found.case, page)


def _columns(request: DeskRequest, header: list[str]) -> dict[str, str]:
    """Return which column is what: as it was sent, or as the names propose."""
    sent = {key: str(request.POST[key]) for key in request.POST if key.startswith("column_")}
    return sent or {f"column_{field}": name for field, name in lists.guess(header).items()}


def _described(case: Case) -> list[dict[str, Any]]:
    """Return the requests of a case with their states."""
    today = services.today()
    return [
        {
            "request": one,
            "state": (state := queries.request_state(one)),
            "late": bool(
                state in queries.OUTSTANDING and one.due and one.due < today  # type: ignore[attr-defined]
            ),
        }
        for one in queries.requests(case)
    ]


def _row_of(request: DeskRequest, ref: str, name: str, position: int) -> CaseRow:
    """Return a row that this person sees."""
    run = take(request, CaseRun, ref)
    found = queries.rows(request.user, run, name).filter(position=position).first()
    if found is None:
        raise Http404
    return found


def _row(request: DeskRequest, found: CaseRow, form: ReviewForm) -> HttpResponse:
    """Show a row."""
    page = {
        "run": found.run,
        "row": found,
        "title": TABLES[found.table],
        "layers": queries.layers(found),
        "reviews": found.reviews.select_related("by").order_by("-id"),
        "form": form,
    }
    return _shown(request, "row", found.run.case, page, form)


def _run(request: DeskRequest, found: CaseRun, form: DraftForm | None = None) -> HttpResponse:
    """Show a run."""
    state = queries.state_of(found)
    progress = getattr(found, "progress", None)
    counts = queries.counts(request.user, found)
    page = {
        "run": found,
        "state": state,
        "at_work": state in queries.AT_WORK,
        "stage": working.STAGES[progress.step] if progress else "",
        "step": progress.step if progress else 0,
        "steps": len(working.STAGES) - 1,
        "cancelled": progress is not None and progress.cancelled_by_id is not None,
        "tables": [(name, TABLES[name], count) for name, count in counts.items()],
        "packs": found.packs.order_by("exchange").defer("content", "movements"),
        "form": form or DraftForm(found),
    }
    return _shown(request, "run", found.case, page, form)


def _request(
    request: DeskRequest,
    found: VaspRequest,
    *,
    wrong: list[str] | None = None,
    kept: int | None = None,
    problems: Any = (),
    **forms: Form,
) -> HttpResponse:
    """Show a request, with a form that was not taken as it was sent."""
    state = queries.request_state(found)
    page = {
        "request_row": found,
        "state": state,
        "rows": queries.asked_rows(found),
        "steps": found.steps.select_related("by").order_by("id"),
        "release": checks.release_of(found.ref),
        "may_approve": state == "drafted" and services.may_approve(request.user, found),
        "wrong": wrong,
        "kept": kept,
        "problems": problems,
        "decide_form": DecideForm(),
        "sent_form": SentForm(initial={"day": services.today()}),
        "close_form": CloseForm(),
        "answers_form": AnswersForm(),
        **forms,
    }
    status = 400 if wrong or any(form.errors for form in forms.values()) else 200
    return _shown(request, "request", found.case, page, status=status)


def _shown(
    request: DeskRequest,
    name: str,
    case: Case,
    page: dict[str, Any],
    form: Form | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show a page of a case's money."""
    page = {"section": "cases", "case": case, **page}
    wrong = form is not None and form.is_bound and bool(form.errors)
    return render(request, f"desk/money/{name}.html", page, status=400 if wrong else status)
