"""Pages of cases. Who is no member gets what somebody gets who made the reference up."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clewline.desk.cases import queries, services
from clewline.desk.cases.forms import (
    FileForm,
    HandoverForm,
    LinkForm,
    MemberForm,
    NoteForm,
    OpenForm,
    RemoveForm,
    StateForm,
    TaskEndForm,
    TaskForm,
)
from clewline.desk.cases.models import CLOSED, Case
from clewline.desk.codenames import suggest
from clewline.desk.door import DeskRequest, door, take
from clewline.errors import UsageError


@door("case.list")
def cases(request: DeskRequest) -> HttpResponse:
    """List the cases that a person is a member of."""
    mine = Case.objects.visible_to(request.user).select_related("owner", "team")
    rows = mine.order_by("closed_at", "-opened_at", "-id")
    return render(request, "desk/cases/list.html", {"section": "cases", "cases": rows})


@door("case.open", "GET", "POST")
def open_case(request: DeskRequest) -> HttpResponse:
    """Open a case."""
    form = OpenForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        case = services.open_case(request.user, **form.cleaned_data)
        request.audit_object = case.ref
        return redirect("case", case.ref)
    page = {"section": "cases", "form": form, "codenames": suggest(request.user)}
    return render(request, "desk/cases/open.html", page, status=400 if form.errors else 200)


@door("case.read")
def case(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a case."""
    return _page(request, take(request, Case, ref))


@door("case.members", "POST")
def add_member(request: DeskRequest, ref: str) -> HttpResponse:
    """Let somebody know of a case."""
    case = owned(request, ref)
    form = MemberForm(services.may_join(case), request.POST)
    if not form.is_valid():
        return _page(request, case, member_form=form)
    person, why = form.cleaned_data["member"], form.cleaned_data["why"]
    tell(request, case, added=person.pseudonym, why=why)
    services.add_member(request.user, case, person, why)
    return redirect("case", ref)


@door("case.members", "POST")
def remove_member(request: DeskRequest, ref: str) -> HttpResponse:
    """Take somebody out of a case."""
    case = owned(request, ref)
    form = RemoveForm(request.POST)
    if not form.is_valid():
        return _page(request, case, remove_form=form)
    name, why = form.cleaned_data["member"], form.cleaned_data["why"]
    member = case.members.filter(user__pseudonym=name, until__isnull=True).first()
    if member is None:
        raise Http404
    tell(request, case, removed=name, why=why)
    services.remove_member(request.user, case, member.user, why)
    return redirect("case", ref)


@door("case.link", "POST")
def link(request: DeskRequest, ref: str) -> HttpResponse:
    """Add an address, transaction, sighting or brand to a case."""
    case = take(request, Case, ref)
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _page(request, case, link_form=form)
    try:
        made = services.link(request.user, case, **form.cleaned_data)
    except UsageError as error:
        form.add_error("what", str(error))
        return _page(request, case, link_form=form)
    tell(request, case, link=services.name_of(made))
    return redirect("case", ref)


@door("case.notes")
def notes(request: DeskRequest, ref: str) -> HttpResponse:
    """Show the sealed title and notes of a case: to its members, on a page of their own."""
    return _notes(request, take(request, Case, ref), NoteForm())


@door("case.note", "POST")
def add_note(request: DeskRequest, ref: str) -> HttpResponse:
    """Write a note."""
    case = take(request, Case, ref)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _notes(request, case, form)
    note = services.add_note(request.user, case, form.cleaned_data["text"])
    tell(request, case, note=note.ref)
    return redirect("case-notes", ref)


@door("case.state", "POST")
def change_state(request: DeskRequest, ref: str) -> HttpResponse:
    """Open a case again, let it rest, or close it."""
    case = owned(request, ref)
    form = StateForm(case, request.POST)
    if not form.is_valid():
        return _page(request, case, state_form=form)
    services.change_state(request.user, case, **form.cleaned_data)
    tell(request, case, **form.cleaned_data)
    return redirect("case", ref)


@door("case.handover", "POST")
def hand_over(request: DeskRequest, ref: str) -> HttpResponse:
    """Offer a case to another member."""
    case = take(request, Case, ref)
    form = HandoverForm(case, request.POST)
    if not form.is_valid():
        return _page(request, case, handover_form=form)
    offer = services.hand_over(request.user, case, **form.cleaned_data)
    tell(request, case, offered_to=offer.to.pseudonym, why=offer.why)
    return redirect("case", ref)


@door("case.handover", "POST")
def answer_handover(request: DeskRequest, ref: str) -> HttpResponse:
    """Agree to a hand-over, or refuse it."""
    case = take(request, Case, ref)
    said = services.answer_handover(request.user, case, accepted="accept" in request.POST)
    tell(request, case, accepted=said.accepted)
    return redirect("case", ref)


@door("case.task", "POST")
def add_task(request: DeskRequest, ref: str) -> HttpResponse:
    """Give a member something to do."""
    case = take(request, Case, ref)
    form = TaskForm(case, request.POST)
    if not form.is_valid():
        return _page(request, case, task_form=form)
    task = services.add_task(request.user, case, **form.cleaned_data)
    tell(request, case, task=task.ref)
    return redirect("case", ref)


@door("case.task", "POST")
def end_task(request: DeskRequest, ref: str, task: str) -> HttpResponse:
    """Say that a task is done, or dropped."""
    case = take(request, Case, ref)
    form, found = TaskEndForm(request.POST), case.tasks.filter(ref=task).first()
    if found is None or not form.is_valid():
        raise Http404
    services.end_task(request.user, found, **form.cleaned_data)
    tell(request, case, task=task, **form.cleaned_data)
    return redirect("case", ref)


@door("case.file", "POST")
def describe_file(request: DeskRequest, ref: str) -> HttpResponse:
    """Note a file that lies elsewhere."""
    case = take(request, Case, ref)
    form = FileForm(request.POST)
    if not form.is_valid():
        return _page(request, case, file_form=form)
    entry = services.describe_file(request.user, case, **form.cleaned_data)
    tell(request, case, file=entry.ref)
    return redirect("case", ref)


@door("case.read")
def timeline(request: DeskRequest, ref: str) -> HttpResponse:
    """Show all that happened in a case."""
    case = take(request, Case, ref)
    page = {"section": "cases", "case": case, "moments": queries.timeline(request.user, case)}
    return render(request, "desk/cases/timeline.html", page)


def tell(request: DeskRequest, case: Case, **details: Any) -> None:
    """Say more of a change in the audit log, but nothing of a sealed case than its reference."""
    request.audit_details = {} if case.sealed else details


def owned(request: DeskRequest, ref: str) -> Case:
    """Return a case that the person owns."""
    case = take(request, Case, ref)
    if case.owner_id != request.user.pk:
        raise PermissionDenied("for the owner of the case")
    return case


def _page(request: DeskRequest, case: Case, **forms: Form) -> HttpResponse:
    """Show a case, with a form that was not taken as it was sent."""
    is_owner = case.owner_id == request.user.pk
    page = {
        "section": "cases",
        "case": case,
        "owned": is_owner,
        "closed": case.state == CLOSED,
        "today": timezone.now().date(),
        "members": queries.members(case),
        "links": queries.links(request.user, case),
        "note_count": case.notes.count(),
        "link_form": LinkForm(),
        "member_form": MemberForm(services.may_join(case)) if is_owner else None,
        "tasks": queries.tasks(case),
        "files": case.file_entries.select_related("by").order_by("-at", "-id"),
        "handover": (offer := services.pending_handover(case)),
        "may_agree": offer is not None and services.may_agree(request.user, offer),
        "task_form": TaskForm(case, initial={"owner": request.user.pseudonym}),
        "file_form": FileForm(),
        "state_form": StateForm(case) if is_owner else None,
        "handover_form": HandoverForm(case) if is_owner else None,
        **forms,
    }
    status = 400 if any(form.errors for form in forms.values()) else 200
    return render(request, "desk/cases/case.html", page, status=status)


def _notes(request: DeskRequest, case: Case, form: NoteForm) -> HttpResponse:
    """Show the notes, newest first."""
    written = [
        {"note": note, "text": note.unseal("text")}
        for note in case.notes.select_related("by").order_by("-at", "-id")
    ]
    page = {"section": "cases", "case": case, "notes": written, "form": form}
    return render(request, "desk/cases/notes.html", page, status=400 if form.errors else 200)
