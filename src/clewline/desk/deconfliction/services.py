"""Ask, agree, compare, answer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final, TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone

from clewline.desk.accounts.models import User
from clewline.desk.cases.models import Case, Link, Member
from clewline.desk.deconfliction.models import (
    AskerWord,
    Comparison,
    Decision,
    Enquiry,
    HolderWord,
    Overlap,
    Subject,
)
from clewline.desk.records.models import Address, KnownAddress
from clewline.desk.roles import Role
from clewline.errors import UsageError

MOST_ADDRESSES: Final = 50
"""Of one enquiry."""
MOST_A_DAY: Final = 5
"""Enquiries of one case within 24 hours. Without limits, asking would be a way to list."""
Said = TypeVar("Said", HolderWord, AskerWord)


def ask(user: User, case: Case, addresses: Collection[Address], why: str) -> Enquiry:
    """Ask who else looks at addresses of a case.

    Raises
    ------
    UsageError
        If the case has no legal basis or is closed, an address is not linked to it, or there are
        too many.
    """
    if not case.legal_basis:
        raise UsageError("an enquiry needs a case with a legal basis")
    if case.closed_at is not None:
        raise UsageError("the case is closed")
    linked = set(case.links.filter(address__isnull=False).values_list("address", flat=True))
    if not addresses or any(one.pk not in linked for one in addresses):
        raise UsageError("an enquiry is about addresses of its case")
    if len(addresses) > MOST_ADDRESSES:
        raise UsageError(f"at most {MOST_ADDRESSES} addresses in one enquiry")
    day = timezone.now() - timedelta(days=1)
    if case.enquiries.filter(at__gt=day).count() >= MOST_A_DAY:
        raise UsageError(f"at most {MOST_A_DAY} enquiries of a case within a day")
    enquiry = Enquiry.objects.create(case=case, by=user, why=why)
    Subject.objects.bulk_create(Subject(enquiry=enquiry, address=one) for one in addresses)
    return enquiry


def may_decide(user: User, enquiry: Enquiry) -> bool:
    """Tell whether `user` is a supervisor of it: an approver of the case who did not ask."""
    return (
        user.is_active
        and Role.APPROVER in user.roles
        and enquiry.by_id != user.pk
        and not hasattr(enquiry, "decision")
        and Member.objects.filter(case=enquiry.case_id, user=user, until__isnull=True).exists()
    )


def decide(user: User, enquiry: Enquiry, *, agreed: bool, reason: str = "") -> Decision:
    """Agree to an enquiry, or refuse it. It is compared later, apart from any request.

    Raises
    ------
    UsageError
        If it is not this person's to decide, or somebody did.
    """
    if not may_decide(user, enquiry):
        raise UsageError("this enquiry is not yours to decide, or decided already")
    try:
        with transaction.atomic():
            return Decision.objects.create(enquiry=enquiry, by=user, agreed=agreed, reason=reason)
    except IntegrityError:
        raise UsageError("somebody decided meanwhile") from None


def compare_waiting() -> int:
    """Compare every enquiry that was agreed to; return how many. A pass of the background.

    It is no part of a request, so that no answer takes longer because there is an overlap.
    """
    done = 0
    waiting = Enquiry.objects.filter(decision__agreed=True, comparison__isnull=True)
    for enquiry in waiting.select_related("case").order_by("pk"):
        try:
            with transaction.atomic():
                Comparison.objects.create(enquiry=enquiry)
                _compare(enquiry)
        except IntegrityError:
            continue  # another process was quicker
        done += 1
    return done


def _compare(enquiry: Enquiry) -> None:
    """Write down who else holds the addresses of an enquiry."""
    subjects = {one.address_id: one for one in enquiry.subjects.all()}
    own = enquiry.case
    teams = KnownAddress.objects.filter(address__in=subjects).exclude(team=own.team_id)
    links = Link.objects.filter(address__in=subjects, case__closed_at__isnull=True)
    links = links.exclude(case=own)
    found = [
        Overlap(subject=subjects[address], team_id=team)
        for address, team in teams.values_list("address", "team").distinct()
    ]
    found += [
        Overlap(subject=subjects[address], team_id=team, case_id=case)
        for address, team, case in links.values_list("address", "case__team", "case").distinct()
    ]
    for one in found:
        one.save()


def answer(user: User, overlap: Overlap, *, agreed: bool, contact: str) -> HolderWord:
    """Say as holder whether the asker may hear of an overlap.

    Raises
    ------
    UsageError
        If it is agreed without a contact, or answered already.
    """
    return _say(HolderWord, user, overlap, agreed=agreed, contact=contact)


def consent(user: User, overlap: Overlap, *, agreed: bool, contact: str) -> AskerWord:
    """Say as asker whether contact is wanted, once the holder agreed.

    Raises
    ------
    UsageError
        If the holder did not agree, it is agreed without a contact, or answered already.
    """
    if not heard(overlap):
        raise UsageError("there is nothing to answer")
    return _say(AskerWord, user, overlap, agreed=agreed, contact=contact)


def _say(word: type[Said], user: User, overlap: Overlap, *, agreed: bool, contact: str) -> Said:
    """Write one side's word; who refuses leaves no contact."""
    if agreed and not contact:
        raise UsageError("who agrees says how to be reached")
    try:
        with transaction.atomic():
            said = word(overlap=overlap, by=user, agreed=agreed, contact=contact if agreed else "")
            said.save()
            return said
    except IntegrityError:
        raise UsageError("answered already") from None


def heard(overlap: Overlap) -> bool:
    """Tell whether the asker may hear of an overlap."""
    word = getattr(overlap, "holder_word", None)
    return word is not None and word.agreed


def is_contact(overlap: Overlap) -> bool:
    """Tell whether both agreed, so that each sees how to reach the other."""
    word = getattr(overlap, "asker_word", None)
    return heard(overlap) and word is not None and word.agreed
