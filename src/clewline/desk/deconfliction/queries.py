"""What of deconfliction waits for a person, and what each side sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.deconfliction import services
from clewline.desk.deconfliction.models import Enquiry, Overlap
from clewline.desk.queue.items import CHECK, Item, key_of
from clewline.desk.queue.rules import because, waits

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


def heard_of(enquiry: Enquiry) -> list[Overlap]:
    """Return the overlaps of which the asker may hear, oldest first."""
    told = Overlap.objects.filter(subject__enquiry=enquiry, holder_word__agreed=True)
    found = told.select_related("holder_word", "asker_word", "subject__address")
    return list(found.order_by("holder_word__at", "pk"))


def held_by(user: User) -> Any:
    """Return the overlaps that `user` holds, newest first."""
    mine = Overlap.objects.visible_to(user).select_related(
        "subject__address", "team", "case", "holder_word", "asker_word"
    )
    return mine.order_by("-at", "-pk")


def waiting_for(user: User) -> list[Item]:
    """Return enquiries to decide, overlaps to answer, and offers of contact."""
    if not user.may("overlap.list"):
        return []
    return [*_to_decide(user), *_to_answer(user), *_offers(user)]


def _to_decide(user: User) -> list[Item]:
    """Return enquiries that wait for this supervisor."""
    now = timezone.now()
    open_ = Enquiry.objects.visible_to(user).filter(decision__isnull=True)
    return [
        Item(
            section=CHECK,
            key=one.ref,
            scope=f"case:{one.case_id}",
            name=one.case.codename,
            line=_("an enquiry who else looks at its addresses"),
            path=reverse("enquiry", args=[one.ref]),
            since=one.at,
            reasons=(because("my_check"), waits(one.at, now)),
        )
        for one in open_.select_related("case", "by").order_by("at")
        if services.may_decide(user, one)
    ]


def _to_answer(user: User) -> list[Item]:
    """Return overlaps that wait for the word of their holder."""
    if not user.may("overlap.answer"):
        return []
    now = timezone.now()
    return [
        Item(
            section=CHECK,
            key=one.ref,
            scope=f"case:{one.case_id}" if one.case_id else f"team:{one.team_id}",
            name=one.case.codename if one.case else one.ref,
            line=_("overlap, contact?"),
            path=reverse("overlap", args=[one.ref]),
            since=one.at,
            reasons=(because("my_check"), waits(one.at, now)),
        )
        for one in held_by(user).filter(holder_word__isnull=True)
    ]


def _offers(user: User) -> list[Item]:
    """Return overlaps whose holder agreed, that wait for the word of the asker."""
    if not user.may("overlap.ask"):
        return []
    now = timezone.now()
    mine = Enquiry.objects.visible_to(user)
    open_ = Overlap.objects.filter(
        subject__enquiry__in=mine, holder_word__agreed=True, asker_word__isnull=True
    ).select_related("holder_word", "subject__enquiry__case")
    return [
        Item(
            section=CHECK,
            key=key_of("contact", one.pk),
            scope=f"case:{one.subject.enquiry.case_id}",
            name=one.subject.enquiry.case.codename,
            line=_("overlap, contact?"),
            path=reverse("enquiry", args=[one.subject.enquiry.ref]),
            since=one.holder_word.at,
            reasons=(because("my_check"), waits(one.holder_word.at, now)),
        )
        for one in open_.order_by("holder_word__at")
    ]
