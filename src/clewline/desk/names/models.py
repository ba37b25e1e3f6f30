"""To whom a real name was released: a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from clewline.desk.cases.models import Case
from clewline.desk.ledger import AppendOnly, Referenced
from clewline.desk.records.models import Brand

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User


class NameReleaseQuerySet(models.QuerySet[Any]):
    """Releases of names."""

    def visible_to(self, user: User) -> Self:
        """Keep those of brands and cases that `user` may know of."""
        mine = Q(brand__team__in=user.team_ids) | Q(case__in=Case.objects.visible_to(user))
        return self.filter(mine)

    def standing(self) -> Self:
        """Keep those that hold now."""
        return self.filter(until__gt=timezone.now(), end__isnull=True)

    def of(self, what: Brand | Case) -> Self:
        """Keep those of one brand or case."""
        return self.filter(**{"brand" if isinstance(what, Brand) else "case": what})


class NameRelease(Referenced, AppendOnly):
    """Somebody may open the real name of a brand or the title of a case, until when, and why."""

    LETTER = "L"

    brand = models.ForeignKey(
        "records.Brand", on_delete=models.PROTECT, null=True, related_name="+"
    )
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, null=True, related_name="+")
    to = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()

    objects = NameReleaseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="name_release_of_one_thing",
                condition=Q(brand=None, case__isnull=False) | Q(brand__isnull=False, case=None),
            )
        ]

    @property
    def what(self) -> Any:
        """The brand or case."""
        return self.brand or self.case


class NameReleaseEnd(AppendOnly):
    """That a release was revoked."""

    release = models.OneToOneField(NameRelease, on_delete=models.PROTECT, related_name="end")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
