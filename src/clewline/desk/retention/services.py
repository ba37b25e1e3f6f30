"""Every change of keeping: periods, holds, requests, and the run that erases what is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from clewline import vocab
from clewline.desk.accounts.models import Organisation, User
from clewline.desk.audit import services as audit
from clewline.desk.cases.models import Case
from clewline.desk.records.models import Sighting
from clewline.desk.records.plain_text import require_text
from clewline.desk.retention import erasing, queries
from clewline.desk.retention.models import (
    MOST_MONTHS,
    ErasureDecision,
    ErasureRequest,
    HoldLift,
    LegalHold,
    PeriodChange,
    PeriodDecision,
    Tombstone,
)
from clewline.desk.retention.takes import Kind
from clewline.desk.roles import Role
from clewline.errors import UsageError

_AT_ONCE: Final = 1_000
"""Records whose keys a run destroys in one step."""


@transaction.atomic
def hold(user: User, *, basis: str, until: date | None, on: Sighting | Case) -> LegalHold:
    """Hold a sighting, or a case with what it links: it is not erased and does not expire.

    Raises
    ------
    UsageError
        If it is erased already, or the day is over.
    DataError
        If the basis is no text.
    """
    _require_said(basis, "basis")
    if until is not None and until < timezone.now().date():
        raise UsageError("lies in the past", where="until")
    erasing.lock()
    if queries.tombstone_of(on):
        raise UsageError("is erased already")
    if isinstance(on, Sighting):
        what: dict[str, Sighting | Case] = {"sighting": on}
    else:
        what = {"case": on}
    return LegalHold.objects.create(team=on.team, basis=basis, until=until, by=user, **what)


def may_lift(user: User, held: LegalHold) -> bool:
    """Tell whether `user` may lift a hold: an approver of the team who did not set it."""
    return _is_approver(user, held.team_id) and held.by_id != user.pk and not hasattr(held, "lift")


@transaction.atomic
def lift(user: User, held: LegalHold, reason: str) -> HoldLift:
    """Lift a hold.

    Raises
    ------
    UsageError
        If it is not this person's to lift, or lifted already.
    """
    _require_said(reason, "reason")
    if not may_lift(user, held):
        raise UsageError("an approver who did not set this hold lifts it, once")
    try:
        with transaction.atomic():
            return HoldLift.objects.create(hold=held, reason=reason, by=user)
    except IntegrityError:
        raise UsageError("somebody lifted it meanwhile") from None


@transaction.atomic
def ask(user: User, record: queries.Record, reason: str, basis: str) -> ErasureRequest:
    """Ask for a record to be erased: a sighting in all its versions, a case with all it holds.

    Raises
    ------
    UsageError
        If the reason is none, a hold stands that `user` may know of, it is erased, or somebody
        asked already.
    """
    _require_said(basis, "basis")
    if reason not in vocab.erasure_reasons():
        raise UsageError(f"one of {', '.join(vocab.erasure_reasons())}", where="reason")
    if queries.tombstone_of(record):
        raise UsageError("is erased already")
    kind = queries.kind_of(record)
    all_of = erasing.versions(record) if isinstance(record, Sighting) else [record]
    if any(erasing.is_held(kind, one, user) for one in all_of):
        raise UsageError("a legal hold stands on this record: it cannot be erased")
    asked = ErasureRequest.objects.filter(**{kind.id: record})
    if asked.filter(decision__isnull=True).exists():
        raise UsageError("somebody asked already; it waits for an approver")
    if asked.filter(decision__agreed=True).exists():
        raise UsageError("is agreed already; it goes when nothing stands against it")
    return ErasureRequest.objects.create(
        team_id=record.team_id, reason=reason, basis=basis, asked_by=user, **{kind.id: record}
    )


def may_decide(user: User, request: ErasureRequest) -> bool:
    """Tell whether `user` may decide: an approver of the team who did not ask."""
    return (
        _is_approver(user, request.team_id)
        and request.asked_by_id != user.pk
        and not hasattr(request, "decision")
    )


@transaction.atomic
def decide(
    user: User, request: ErasureRequest, *, agreed: bool, reason: str = ""
) -> ErasureDecision:
    """Agree to an erasure, or refuse it.

    Where nothing stands against it the rows are emptied in this transaction, and the key is
    destroyed when it has ended. A hold of a case that `user` may not know of lets it wait instead:
    the runs of `expire` try again, and the answer is the same.

    Raises
    ------
    UsageError
        If it is not this person's to decide, or a hold was set meanwhile that they may know of.
    """
    require_text(reason, "reason")
    if not may_decide(user, request):
        raise UsageError("an approver who did not ask decides, once")
    try:
        with transaction.atomic():
            made = ErasureDecision.objects.create(
                request=request, agreed=agreed, reason=reason, by=user
            )
    except IntegrityError:
        raise UsageError("somebody decided meanwhile") from None
    if agreed:
        _carry_out(made)
        transaction.on_commit(erasing.finish)
    return made


def _carry_out(decision: ErasureDecision) -> list[Tombstone]:
    """Erase what two people agreed to; leave it if a hold stands that the approver knows not of."""
    request, user = decision.request, decision.by
    record, asker = request.record, request.asked_by.pseudonym
    kind = queries.kind_of(record)
    erasing.lock()
    all_of = erasing.versions(record) if isinstance(record, Sighting) else [record]
    if any(erasing.is_held(kind, one) for one in all_of):
        if any(erasing.is_held(kind, one, user) for one in all_of):
            raise UsageError("a legal hold stands on this record: it cannot be erased")
        return []
    if isinstance(record, Sighting):
        return erasing.erase(all_of, reason=request.reason, asked_by=asker, approved_by=user)
    return erasing.erase_other(
        kind, record, reason=request.reason, asked_by=asker, approved_by=user
    )


@transaction.atomic
def ask_period(user: User, retention_class: str, months: int, reason: str) -> PeriodChange:
    """Ask for another period for one's organisation.

    Raises
    ------
    UsageError
        If there is no such class, or the number is none.
    """
    _require_said(reason, "reason")
    if retention_class not in vocab.retention_classes():
        raise UsageError("no such class", where="retention_class")
    if not 1 <= months <= MOST_MONTHS:
        raise UsageError(f"1 to {MOST_MONTHS}", where="months")
    return PeriodChange.objects.create(
        organisation_id=user.organisation_id,
        retention_class=retention_class,
        months=months,
        reason=reason,
        asked_by=user,
    )


def may_decide_period(user: User, change: PeriodChange) -> bool:
    """Tell whether `user` may decide: an approver of the organisation who did not ask."""
    return (
        user.is_active
        and Role.APPROVER in user.roles
        and user.organisation_id == change.organisation_id
        and change.asked_by_id != user.pk
        and not hasattr(change, "decision")
    )


@transaction.atomic
def decide_period(user: User, change: PeriodChange, *, agreed: bool) -> PeriodDecision:
    """Agree to another period, or refuse it.

    Raises
    ------
    UsageError
        If it is not this person's to decide.
    """
    if not may_decide_period(user, change):
        raise UsageError("an approver of the organisation who did not ask decides, once")
    try:
        with transaction.atomic():
            return PeriodDecision.objects.create(change=change, agreed=agreed, by=user)
    except IntegrityError:
        raise UsageError("somebody decided meanwhile") from None


def due_now() -> Iterator[tuple[Organisation, int]]:
    """Yield the sightings whose time is over, by organisation: organisation and number of each."""
    for organisation in Organisation.objects.order_by("pk"):
        rows = queries.due(Sighting.objects.all(), organisation.pk, timezone.now())
        for number in list(rows.values_list("pk", flat=True)):
            yield organisation, number


def expire(by: str) -> list[Tombstone]:
    """Erase what is due, or agreed to, and not held: a transaction a record, keys by the thousand.

    Stopped at any point, it goes on where it was. Who set the periods agreed to it: two people.

    Parameters
    ----------
    by : str
        Who started the run, for the audit log.
    """
    erasing.finish()
    made: list[Tombstone] = []
    for asked in queries.agreed_requests():
        made += _erase_agreed(by, asked)
    for number, (_, pk) in enumerate(due_now(), 1):
        made += _expire_one(by, pk)
        if number % _AT_ONCE == 0:
            erasing.finish()
    for kind in queries.OTHERS:
        for organisation in Organisation.objects.order_by("pk"):
            waiting = queries.due_others(kind, organisation.pk, timezone.now())
            for pk in list(waiting.values_list("pk", flat=True)):
                made += _expire_other(by, kind, pk)
    erasing.finish()
    return made


def _erase_agreed(by: str, asked: ErasureRequest) -> list[Tombstone]:
    """Erase what two people agreed to, unless it is held yet."""
    with transaction.atomic():
        try:
            return _told(by, _carry_out(asked.decision))
        except UsageError:
            return []


def _expire_one(by: str, pk: int) -> list[Tombstone]:
    """Erase one record, unless it was held meanwhile."""
    with transaction.atomic():
        sighting = Sighting.objects.get(pk=pk)
        try:
            made = erasing.erase([sighting], reason="expired", asked_by=by, approved_by=None)
        except UsageError:
            return []
        return _told(by, made)


def _expire_other(by: str, kind: Kind, pk: int) -> list[Tombstone]:
    """Erase one record that is no sighting, unless it was held meanwhile."""
    with transaction.atomic():
        record = kind.model._base_manager.get(pk=pk)
        try:
            made = erasing.erase_other(
                kind, record, reason="expired", asked_by=by, approved_by=None
            )
        except UsageError:
            return []
        return _told(by, made)


def _told(by: str, made: list[Tombstone]) -> list[Tombstone]:
    """Leave a line in the audit log for each."""
    for one in made:
        audit.write(actor=by, action="retention.expire", object=one.record_ref)
    return made


def tidy() -> None:
    """Have the database give up the space in which emptied rows were.

    SQLite writes its file anew; PostgreSQL's plain VACUUM makes the space free to be written over.
    """
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _is_approver(user: User, team_id: int) -> bool:
    """Tell whether `user` is an approver of a team."""
    return user.is_active and Role.APPROVER in user.roles and team_id in user.team_ids


def _require_said(text: str, where: str) -> None:
    """Refuse an empty text, and what is none."""
    if not text.strip():
        raise UsageError("say why", where=where)
    require_text(text, where)
