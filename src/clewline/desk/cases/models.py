"""Cases and their members. Who is no member does not learn that a case exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.utils import timezone

from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned, TeamQuerySet

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class CaseQuerySet(TeamQuerySet):
    """Cases; need to know instead of team."""

    def visible_to(self, user: User) -> Self:
        """Keep the cases that `user` is a member of now."""
        return self.filter(
            members__in=Member.objects.filter(user=user, until__isnull=True)
        ).distinct()


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
    until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case", "user"],
                condition=models.Q(until__isnull=True),
                name="member_once_at_a_time",
            )
        ]


class Link(AppendOnly):
    """A record that belongs to a case: an address, a sighting, a brand."""

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
    why = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="link_to_one_record",
                condition=(
                    models.Q(address__isnull=False, sighting__isnull=True, brand__isnull=True)
                    | models.Q(address__isnull=True, sighting__isnull=False, brand__isnull=True)
                    | models.Q(address__isnull=True, sighting__isnull=True, brand__isnull=False)
                ),
            )
        ]
