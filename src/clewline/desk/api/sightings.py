"""Sightings: list, read, record, correct, withdraw, import."""

from __future__ import annotations

from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from ninja import Router, Status
from pydantic import Field

from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    AddressOut,
    CorrectionIn,
    ImportedOut,
    ImportIn,
    Limit,
    OptionOut,
    Problem,
    Ref,
    RefreshIn,
    Short,
    SightingIn,
    SightingOut,
    SightingsOut,
    StateIn,
    StateOut,
    WithdrawalIn,
)
from clewline.desk.api.teams import named_team
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.records import queries, services
from clewline.desk.records.drafts import OptionDraft, SightingDraft
from clewline.desk.records.models import PageState, Sighting
from clewline.errors import ClewlineError

router = Router(tags=["sightings"])
_SAME = tuple(set(SightingOut.model_fields) & {field.name for field in Sighting._meta.fields})


@router.get("/sightings", response={200: SightingsOut, **OF_ONE})
@scope("sighting.list")
def sightings(
    request: DeskRequest,
    limit: Limit = 50,
    after: Ref = "",
    brand: Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")] = "",
    report: Short = "",
) -> SightingsOut:
    """List what stands of one's teams, newest first, behind the one called `after`.

    `report` is the reference of the report system from which a sighting came.
    """
    found = _rows(request).standing().order_by("-recorded_at", "-id")
    if brand:
        found = found.filter(brand__codename__iexact=brand)
    if report:
        found = found.filter(report_ref=report)
    if after:
        last = take(request, Sighting, after)
        same = Q(recorded_at=last.recorded_at, id__lt=last.id)
        found = found.filter(Q(recorded_at__lt=last.recorded_at) | same)
    rows = list(found[: limit + 1])
    more = rows[limit - 1].ref if len(rows) > limit else None
    return SightingsOut(items=[_out(row) for row in rows[:limit]], next=more)


@router.post("/sightings", response={201: SightingOut, **ERRORS})
@scope("sighting.record")
def record(request: DeskRequest, page: SightingIn) -> Status[SightingOut]:
    """Record what a page said."""
    made = services.record(request.user, _draft(page), team=named_team(request, page.team))
    request.audit_object = made.ref
    return Status(201, _out(_rows(request).get(pk=made.pk)))


@router.post("/imports/sightings", response={200: list[ImportedOut], **ERRORS})
@scope("sighting.record")
def import_sightings(request: DeskRequest, rows: ImportIn) -> list[ImportedOut]:
    """Record many; each row is recorded whole or not at all, and told of."""
    results = []
    for number, page in enumerate(rows.sightings, 1):
        try:
            with transaction.atomic():
                made = services.record(
                    request.user, _draft(page), team=named_team(request, page.team)
                )
            results.append(ImportedOut(row=number, ref=made.ref, problem=None))
        except ClewlineError as error:
            problem = Problem(
                code=error.code, message=error.message, where=error.where, hint=error.hint
            )
            results.append(ImportedOut(row=number, ref=None, problem=problem))
        except ValidationError as error:
            problem = Problem(code="bad-request", message="; ".join(error.messages))
            results.append(ImportedOut(row=number, ref=None, problem=problem))
    request.audit_details = {
        "rows": len(results),
        "recorded": sum(r.ref is not None for r in results),
    }
    return results


@router.get("/sightings/{ref}", response={200: SightingOut, **OF_ONE})
@scope("sighting.read")
def sighting(request: DeskRequest, ref: Ref) -> SightingOut:
    """Read a sighting; what is sealed stays sealed."""
    return _out(_rows(request).get(pk=take(request, Sighting, ref).pk))


@router.post("/sightings/{ref}/supersede", response={201: SightingOut, **OF_ONE})
@scope("sighting.correct")
def supersede(request: DeskRequest, ref: Ref, correction: CorrectionIn) -> Status[SightingOut]:
    """Put a corrected sighting in the place of one; sealed fields that are left empty stay."""
    old = take(request, Sighting, ref)
    new = services.supersede(request.user, old, _draft(correction.sighting), correction.reason)
    return Status(201, _out(_rows(request).get(pk=new.pk)))


@router.post("/sightings/{ref}/withdraw", response={200: SightingOut, **OF_ONE})
@scope("sighting.correct")
def withdraw(request: DeskRequest, ref: Ref, withdrawal: WithdrawalIn) -> SightingOut:
    """Say that a sighting no longer stands."""
    old = take(request, Sighting, ref)
    services.withdraw(request.user, old, withdrawal.reason)
    return _out(_rows(request).get(pk=old.pk))


@router.post("/sightings/{ref}/refresh", response={201: SightingOut, **OF_ONE})
@scope("sighting.record")
def refresh(request: DeskRequest, ref: Ref, shown: RefreshIn) -> Status[SightingOut]:
    """Record the next refresh of a page: the options that it shows now."""
    old = take(request, Sighting, ref)
    options = [OptionDraft(**option.dict()) for option in shown.options]
    changes = {"observed_at": shown.observed_at, "draft": shown.draft}
    made = services.refresh(request.user, old, options, **changes)
    request.audit_object = made.ref
    return Status(201, _out(_rows(request).get(pk=made.pk)))


@router.get("/sightings/{ref}/states", response={200: list[StateOut], **OF_ONE})
@scope("sighting.read")
def states(request: DeskRequest, ref: Ref) -> list[StateOut]:
    """Read what became of a page, in order."""
    found = queries.states_of(request.user, take(request, Sighting, ref))
    return [_state(one) for one in found]


@router.post("/sightings/{ref}/states", response={201: StateOut, **OF_ONE})
@scope("sighting.state")
def note_state(request: DeskRequest, ref: Ref, noted: StateIn) -> Status[StateOut]:
    """Note that a page was reported, removed, or is back."""
    found = take(request, Sighting, ref)
    made = services.note_state(request.user, found, noted.state, noted.at, noted.reference)
    request.audit_details = {"state": made.state}
    return Status(201, _state(made))


def _state(row: PageState) -> StateOut:
    """Return what became of a page as an answer."""
    return StateOut(
        state=row.state,
        at=row.at,
        reference=row.reference,
        by=row.said_by,
        noted_at=row.noted_at,
    )


def _rows(request: DeskRequest) -> Any:
    """Return what may be read, with all that an answer tells of it."""
    found: QuerySet[Sighting] = Sighting.objects.visible_to(request.user)
    return found.select_related(
        "team", "recorder", "brand", "supersedes", "superseded_by", "withdrawal"
    ).prefetch_related("options__address")


def _draft(page: SightingIn) -> SightingDraft:
    """Return a request as a draft."""
    fields = page.dict(exclude={"options", "team"})
    options = tuple(OptionDraft(**option.dict()) for option in page.options)
    return SightingDraft(options=options, read_text=page.wording, **fields)


def _out(row: Sighting) -> SightingOut:
    """Return a sighting as an answer."""
    return SightingOut(
        team=row.team.name,
        recorder=row.recorder.pseudonym,
        brand=row.brand.codename if row.brand else None,
        fingerprint=row.fingerprint,
        supersedes=row.supersedes.ref if row.supersedes else None,
        superseded_by=getattr(getattr(row, "superseded_by", None), "ref", None),
        withdrawn=getattr(getattr(row, "withdrawal", None), "reason", None),
        options=[_option_out(option) for option in row.options.all()],
        **{name: getattr(row, name) for name in _SAME if name not in _NAMED},
    )


_NAMED = ("team", "recorder", "brand", "supersedes")


def _option_out(option: Any) -> OptionOut:
    """Return an option as an answer."""
    address = option.address
    same = set(OptionOut.model_fields) - {"address"}
    return OptionOut(
        address=address
        and AddressOut(
            chain=address.chain,
            network=address.network,
            canonical=address.canonical,
            kind=address.kind,
        ),
        **{name: getattr(option, name) for name in same},
    )
