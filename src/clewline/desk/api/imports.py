"""Imports in bulk: a text in parts, checked, recorded and taken back step by step."""

from __future__ import annotations

from typing import Annotated, Final

from ninja import Router, Status
from pydantic import Field

from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    ColumnsIn,
    ImportOut,
    ImportsOut,
    NewImportIn,
    PartIn,
    Ref,
    StepOut,
    UndoIn,
    WrongRowOut,
    WrongRowsOut,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.bulk import queries, services
from clewline.desk.bulk.models import Import
from clewline.desk.door import DeskRequest, take

router = Router(tags=["imports"])
_SHOWN: Final = 50
Place = Annotated[int, Field(ge=0, le=2_000_000_000)]


@router.get("/imports", response={200: ImportsOut, **ERRORS})
@scope("import.list")
def imports(request: DeskRequest) -> ImportsOut:
    """List the newest imports of one's teams."""
    found = Import.objects.visible_to(request.user).select_related("team", "by")
    return ImportsOut(items=[_out(job) for job in found.order_by("-at", "-id")[:_SHOWN]])


@router.post("/imports", response={201: ImportOut, **ERRORS})
@scope("import.make")
def begin(request: DeskRequest, asked: NewImportIn) -> Status[ImportOut]:
    """Begin an import."""
    job = services.begin(
        request.user,
        own_team(request, asked.team),
        name=asked.name,
        form=asked.form,
        constants=asked.constants,
    )
    request.audit_object = job.ref
    return Status(201, _out(job))


@router.get("/imports/{ref}", response={200: ImportOut, **OF_ONE})
@scope("import.read")
def read(request: DeskRequest, ref: Ref) -> ImportOut:
    """Tell how far an import is."""
    return _out(take(request, Import, ref))


@router.get("/imports/{ref}/wrong", response={200: WrongRowsOut, **OF_ONE})
@scope("import.read")
def wrong(request: DeskRequest, ref: Ref, after: Place = 0) -> WrongRowsOut:
    """List the rows that are not taken, some at a time."""
    rows = queries.problems(take(request, Import, ref), after)
    items = [
        WrongRowOut(
            row=row.number, line=row.line, where=row.where, problem=row.problem, hint=row.hint
        )
        for row in rows
    ]
    more = rows[-1].number if len(rows) == queries.MOST_SHOWN else None
    return WrongRowsOut(items=items, next=more)


@router.post("/imports/{ref}/parts", response={200: ImportOut, **OF_ONE})
@scope("import.make")
def add(request: DeskRequest, ref: Ref, asked: PartIn) -> ImportOut:
    """Take the next part of its text in; sent twice, it is taken once."""
    job = services.add(request.user, take(request, Import, ref), asked.part, asked.text)
    request.audit_details = {"rows": job.rows}
    return _out(job)


@router.post("/imports/{ref}/columns", response={200: ImportOut, **OF_ONE})
@scope("import.make")
def columns(request: DeskRequest, ref: Ref, asked: ColumnsIn) -> ImportOut:
    """Say which field each column is of."""
    return _out(services.set_columns(request.user, take(request, Import, ref), asked.mapping))


@router.post("/imports/{ref}/check", response={200: StepOut, **OF_ONE})
@scope("import.make")
def check(request: DeskRequest, ref: Ref) -> StepOut:
    """Check the next rows; ask again until `done`."""
    return _step(request, services.check(request.user, take(request, Import, ref)))


@router.post("/imports/{ref}/record", response={200: StepOut, **OF_ONE})
@scope("import.record")
def record(request: DeskRequest, ref: Ref) -> StepOut:
    """Record the next rows; ask again until `done`."""
    return _step(request, services.record(request.user, take(request, Import, ref)))


@router.post("/imports/{ref}/undo", response={200: StepOut, **OF_ONE})
@scope("import.undo")
def undo(request: DeskRequest, ref: Ref, asked: UndoIn) -> StepOut:
    """Withdraw the next of its records; ask again until `done`."""
    return _step(request, services.undo(request.user, take(request, Import, ref), asked.reason))


def _step(request: DeskRequest, step: services.Step) -> StepOut:
    """Return a step as an answer, and tell the audit log of it."""
    request.audit_details = step.audit
    return StepOut(
        first=step.first,
        last=step.last,
        states=dict(step.states or {}),
        refs=list(step.refs),
        done=step.done,
    )


def _out(job: Import) -> ImportOut:
    """Return an import as an answer."""
    far = queries.progress(job)
    return ImportOut(
        ref=job.ref,
        name=job.name,
        form=job.form,
        team=job.team.name,
        by=job.by.pseudonym,
        at=job.at,
        state=far.state,
        rows=far.rows,
        parts=job.parts,
        checked=far.checked,
        states=far.states,
        columns=job.columns,
        mapping=job.mapping,
    )
