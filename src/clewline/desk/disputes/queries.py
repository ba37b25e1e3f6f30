"""What the pages of disputes show, and what of them waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.disputes import services
from clewline.desk.disputes.models import Decision, Dispute
from clewline.desk.queue.items import CHECK, OVERDUE, Item
from clewline.desk.queue.rules import because, waits
from clewline.desk.retention.models import Tombstone

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

RECEIVED = "received"
OPEN = "open"
PROPOSED = "proposed"
_MOST: Final = 200


def listed(user: User) -> Any:
    """Return the disputes that `user` may know of, by when they are due."""
    return (
        Dispute.objects.visible_to(user)
        .select_related("team", "by", "taking__address", "answer__copy__partner")
        .prefetch_related("proposals__by", "proposals__decision__by")
        .order_by("due_on", "id")
    )


def state_of(dispute: Dispute) -> str:
    """Return received, open, proposed, or the outcome that two people agreed on."""
    proposals = list(dispute.proposals.all())
    for one in proposals:
        if hasattr(one, "decision") and one.decision.agreed:
            return str(one.outcome)
    if any(not hasattr(one, "decision") for one in proposals):
        return PROPOSED
    return OPEN if hasattr(dispute, "taking") else RECEIVED


def is_overdue(dispute: Dispute) -> bool:
    """Tell whether the day is over until which an open dispute was to be decided."""
    return state_of(dispute) in (RECEIVED, OPEN, PROPOSED) and (
        dispute.due_on < timezone.now().date()
    )


def decision_of(dispute: Dispute) -> Decision | None:
    """Return what two people agreed on."""
    found = Decision.objects.filter(proposal__dispute=dispute, agreed=True)
    return found.select_related("proposal", "alert", "by").first()


def told(dispute: Dispute) -> list[str]:
    """Return the codenames of those who were told of the address and would be told otherwise."""
    if not hasattr(dispute, "taking"):
        return []
    rows = services.told_of(dispute.team_id, dispute.taking.address)
    return list(rows.order_by("partner__codename").values_list("partner__codename", flat=True))


def is_erased(dispute: Dispute) -> bool:
    """Tell whether its time was over and its sealed texts are gone."""
    return Tombstone.objects.filter(key_id=dispute.key_id).exists()


def waiting_for(user: User) -> list[Item]:
    """Return the disputes for which `user` must do something now, overdue ones first."""
    if not user.may("dispute.list"):
        return []
    found = listed(user).filter(reply__isnull=True)
    items = (_item(user, one) for one in found[:_MOST])
    return sorted(filter(None, items), key=lambda one: one.section != OVERDUE)


def _item(user: User, dispute: Dispute) -> Item | None:
    """Return a dispute as an item, if it is this person's turn."""
    state, now = state_of(dispute), timezone.now()
    waiting = next((one for one in dispute.proposals.all() if not hasattr(one, "decision")), None)
    lines = {
        RECEIVED: ("dispute.take", _("dispute: say which address it is about, and examine it")),
        OPEN: ("dispute.propose", _("dispute: examine it, and propose an outcome")),
        PROPOSED: ("dispute.decide", _("dispute: agree to the outcome, or send it back")),
    }
    action, line = lines.get(state, ("dispute.answer", _("dispute: answer whoever disputed")))
    if not user.may(action) or (waiting is not None and not services.may_decide(user, waiting)):
        return None
    late = is_overdue(dispute)
    reasons = [because("open_dispute", day=dispute.due_on.isoformat()), waits(dispute.at, now)]
    if late:
        days = (now.date() - dispute.due_on).days
        reasons.append(because("overdue", days, day=dispute.due_on.isoformat()))
    if waiting is not None:
        reasons.append(because("my_check"))
    return Item(
        section=OVERDUE if late else CHECK,
        key=dispute.ref,
        scope=f"team:{dispute.team_id}",
        name=dispute.ref,
        line=line,
        path=reverse("dispute", args=[dispute.ref]),
        since=dispute.at,
        reasons=tuple(reasons),
    )
