"""Every change of routes and reports; each takes two people, but what a recipient says."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from clewline.desk.accounts.models import User
from clewline.desk.alerts import outbox
from clewline.desk.alerts.composing import reference
from clewline.desk.ledger import new_reference
from clewline.desk.partners.models import Partner
from clewline.desk.records.models import PaymentOption, Sighting
from clewline.desk.records.plain_text import require_text
from clewline.desk.records.services import note_state, note_state_told
from clewline.desk.roles import Role
from clewline.desk.routing.composing import compose, document
from clewline.desk.routing.models import (
    STATES,
    Report,
    ReportDecision,
    ReportStatus,
    Route,
    RouteDecision,
)
from clewline.errors import UsageError


def propose(user: User, partner: Partner, country: str = "", brand: str = "") -> Route:
    """Propose who answers for a country or a brand; for neither: for every other country.

    Raises
    ------
    UsageError
        If it is both, or the partner is of another kind: a hotline for countries, a payment brand
        for brands.
    DataError
        If the brand holds media or binary.
    """
    require_text(brand, "brand")
    if country and brand:
        raise UsageError("either a country or a brand", where="country")
    if partner.kind != ("payment_brand" if brand else "hotline"):
        raise UsageError(
            "a country is routed to a hotline, a brand to a payment brand", where="partner"
        )
    return Route.objects.create(
        team=partner.team, partner=partner, country=country, brand=brand.strip().lower(), by=user
    )


def decide_route(user: User, route: Route, *, agreed: bool) -> RouteDecision:
    """Agree to a route, or not.

    Raises
    ------
    UsageError
        If `user` proposed it, or somebody decided.
    """
    if route.by_id == user.pk:
        raise UsageError("somebody else agrees to what you proposed", where=route.ref)
    try:
        with transaction.atomic():
            return RouteDecision.objects.create(route=route, agreed=agreed, by=user)
    except IntegrityError:
        raise UsageError("somebody decided meanwhile", where=route.ref) from None


@transaction.atomic
def draft(user: User, sighting: Sighting, partner: Partner, option: PaymentOption | None) -> Report:
    """Draft a report of a page to a partner; somebody else has to release it.

    Raises
    ------
    UsageError
        If the sighting does not stand, or policy releases nothing that one could act on.
    """
    if not Sighting.objects.filter(pk=sighting.pk).standing().exists():
        raise UsageError("does not stand any more", where=sighting.ref)
    composed = compose(sighting, option, partner)
    report = Report(
        ref=new_reference(Report.LETTER),
        key_id=sighting.key_id,
        team=sighting.team,
        sighting=sighting,
        option=option,
        partner=partner,
        withheld=composed.withheld,
        by=user,
    )
    report.theirs = reference(partner, "report", report.ref)
    report.seal("document", document(composed, report.theirs, sighting.team.organisation.name))
    report.save()
    return report


def may_decide(user: User, report: Report) -> bool:
    """Tell whether `user` may release a report: an approver of the team who did not draft it."""
    return (
        Role.APPROVER in user.roles
        and report.team_id in user.team_ids
        and report.by_id != user.pk
        and not hasattr(report, "decision")
    )


def decide(user: User, report: Report, *, released: bool, reason: str = "") -> ReportDecision:
    """Release a report or refuse it; release puts it into the outbox in the same transaction.

    One to a hotline is noted on the page as reported.

    Raises
    ------
    UsageError
        If it is not `user`'s to decide, or what may be told changed since it was drafted.
    DataError
        If the reason holds media or binary.
    """
    require_text(reason, "reason")
    if not may_decide(user, report):
        raise UsageError("this report is not yours to decide, or decided already")
    # In whole seconds, as people write when something became of it.
    now = timezone.now().replace(microsecond=0)
    try:
        with transaction.atomic():
            decision = ReportDecision.objects.create(
                report=report, released=released, reason=reason, by=user, at=now
            )
            if released:
                _require_same(report)
                outbox.put(report, decision.at)
                if report.partner.kind == "hotline":
                    note_state(
                        user, report.sighting, "reported_hotline", decision.at, report.theirs
                    )
            return decision
    except IntegrityError:
        raise UsageError("somebody decided meanwhile; look again") from None


@transaction.atomic
def tell(report: Report, state: str, at: datetime, by: User | None = None) -> ReportStatus:
    """Write down what became of a page, as the recipient says; of a hotline, on the page, too.

    Parameters
    ----------
    report : Report
        One that was sent.
    state : str
        Of `STATES`.
    at : datetime
        When it happened.
    by : User, optional
        Who wrote down what it said; none: the recipient itself.

    Raises
    ------
    UsageError
        If the report was not sent, the time lies before that or in the future, or a page is back
        that was not removed.
    """
    if state not in STATES:
        raise UsageError("no such state", where="state", hint=", ".join(STATES))
    if report.sent_at is None or at < report.sent_at or at > timezone.now():
        raise UsageError("lies before the report was sent, or in the future", where="at")
    removed = report.statuses.filter(state="removed", at__lte=at)
    if state == "reappeared" and not removed.exists():
        raise UsageError("it was not removed before", where="state")
    if report.partner.kind == "hotline":
        # A brand says what became of its option, not of the page.
        note_state_told(report.sighting, state, at, report.theirs, by or report.partner)
    said_by = str(by or report.partner.ref)
    return ReportStatus.objects.create(report=report, state=state, at=at, by=said_by)


def _require_same(report: Report) -> None:
    """Let out only what the second person saw."""
    composed = compose(report.sighting, report.option, report.partner)
    issuer = report.team.organisation.name
    if document(composed, report.theirs, issuer) != report.unseal("document"):
        raise UsageError("what may be told changed since: draft it anew", where=report.ref)
