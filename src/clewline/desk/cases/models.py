"""Cases and their members. Who is no member does not learn that a case exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned, TeamQuerySet

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


OPEN: Final = "open"
CLOSED: Final = "closed"
STATES: Final = {OPEN: _("open"), "dormant": _("dormant"), CLOSED: _("closed")}
OUTCOMES: Final = {"done": _("done"), "dropped": _("dropped")}


class CaseQuerySet(TeamQuerySet):
    """Cases; need to know instead of team."""

    def visible_to(self, user: User) -> Self:
        """Keep the cases of the teams of `user` that they are a member of now."""
        mine = Member.objects.filter(user=user, until__isnull=True)
        return super().visible_to(user).filter(pk__in=mine.values("case"))

    def countable(self) -> Self:
        """Keep the cases that figures may know of: none that is sealed."""
        return self.filter(sealed=False)


class OfCaseQuerySet(models.QuerySet[Any]):
    """What belongs to cases."""

    def visible_to(self, user: User) -> Self:
        """Keep what belongs to cases that `user` may know of."""
        return self.filter(case__in=Case.objects.visible_to(user))


class Case(TeamOwned, Referenced, Sealed):
    """An investigation under a codename."""

    LETTER = "C"
    SEALED = ("title",)

    codename = models.CharField(max_length=60)
    title_sealed = models.BinaryField(null=True)
    legal_basis = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=list(STATES.items()), default=OPEN)
    """What the latest row of its states says, so that a list needs no look-up."""
    sealed = models.BooleanField(default=True)
    """Whether it exists for its members alone: no statistics, and the audit log
    has its reference and nothing else."""

    objects = CaseQuerySet.as_manager()  # type: ignore[misc]

    def __str__(self) -> str:
        """Return the codename."""
        return self.codename

    @property
    def is_erased(self) -> bool:
        """Whether it was erased; every other case has a state."""
        return not self.state


class Member(models.Model):
    """Somebody who may know of a case, from when to when, and who let them in."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField(default=timezone.now)
    why = models.CharField(max_length=400, blank=True)
    until = models.DateTimeField(null=True)
    until_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    until_why = models.CharField(max_length=400, blank=True)

    objects = OfCaseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case", "user"],
                condition=models.Q(until__isnull=True),
                name="member_once_at_a_time",
            )
        ]


def _one_of(there: str) -> models.Q:
    """Say that of the records a link may lead to, `there` is set and the others are not."""
    records = ("address", "sighting", "brand")
    return models.Q(**{f"{name}__isnull": name != there for name in records})


class Link(AppendOnly):
    """What belongs to a case: an address, a sighting, a brand, a transaction."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="links")
    address = models.ForeignKey(
        "records.Address", on_delete=models.PROTECT, null=True, related_name="case_links"
    )
    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, null=True, related_name="case_links"
    )
    brand = models.ForeignKey(
        "records.Brand", on_delete=models.PROTECT, null=True, related_name="case_links"
    )
    txid = models.CharField(max_length=64, blank=True, db_index=True)
    why = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="link_to_one_thing",
                condition=(
                    models.Q(_one_of("address"), txid="")
                    | models.Q(_one_of("sighting"), txid="")
                    | models.Q(_one_of("brand"), txid="")
                    | models.Q(_one_of(""))  # a transaction, or nothing any more: it was erased
                ),
            )
        ]


class Note(Referenced, Sealed, AppendOnly):
    """What a member wrote down about a case; sealed with the key of the case."""

    LETTER = "N"
    SEALED = ("text",)

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    text_sealed = models.BinaryField(null=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()


class StateChange(AppendOnly):
    """That a case was opened again, rests, or was closed, and why."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="state_changes")
    state = models.CharField(max_length=10, choices=list(STATES.items()))
    why = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()


class Handover(AppendOnly):
    """That a case shall have another owner. It has once a second person agrees."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="handovers")
    to = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()


class HandoverAnswer(AppendOnly):
    """What a second person said of a hand-over, or that it was taken back."""

    handover = models.OneToOneField(Handover, on_delete=models.PROTECT, related_name="answer")
    accepted = models.BooleanField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Task(Referenced, AppendOnly):
    """What a member is to do, and until when."""

    LETTER = "T"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks")
    text = models.CharField(max_length=200)
    owner = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    due = models.DateField(null=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()


class TaskEnd(AppendOnly):
    """That a task is done, or was dropped."""

    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="end")
    outcome = models.CharField(max_length=10, choices=list(OUTCOMES.items()))
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class FileEntry(Referenced, AppendOnly):
    """A file that lies elsewhere, as a person describes it. The desk takes none itself."""

    LETTER = "F"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="file_entries")
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    place = models.CharField(max_length=200)
    about = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = OfCaseQuerySet.as_manager()
