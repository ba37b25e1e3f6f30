"""Cases and their members. Who is no member does not learn that a case exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned, TeamQuerySet

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class CaseQuerySet(TeamQuerySet):
    """Cases; need to know instead of team."""

    def visible_to(self, user: User) -> Self:
        """Keep the cases of the teams of `user` that they are a member of now."""
        mine = Member.objects.filter(user=user, until__isnull=True)
        return super().visible_to(user).filter(pk__in=mine.values("case"))


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

    objects = CaseQuerySet.as_manager()  # type: ignore[misc]

    def __str__(self) -> str:
        """Return the codename."""
        return self.codename


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
                    | (models.Q(_one_of("")) & ~models.Q(txid=""))
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
