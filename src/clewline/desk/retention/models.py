"""Ledgers of keeping: periods, holds, requests to erase, decisions, and tombstones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.cases.models import Case
from clewline.desk.ledger import AppendOnly, Referenced, TeamOwned, TeamQuerySet

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

MOST_MONTHS = 1200


def _classes() -> list[tuple[str, object]]:
    """Return the retention classes to choose from."""
    return [(one.id, _(one.title)) for one in vocab.retention_classes().values()]


def _reasons() -> list[tuple[str, object]]:
    """Return the reasons for erasing."""
    return [(name, _(title)) for name, title in vocab.erasure_reasons().items()]


class PeriodChange(AppendOnly):
    """Another period that somebody asks for; the latest that a second person agreed to counts."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    retention_class = models.CharField(max_length=20, choices=_classes)
    months = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MOST_MONTHS)]
    )
    reason = models.CharField(max_length=400)
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)


class PeriodDecision(AppendOnly):
    """What a second person of the organisation said."""

    change = models.OneToOneField(PeriodChange, on_delete=models.PROTECT, related_name="decision")
    agreed = models.BooleanField()
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class OfRecordQuerySet(TeamQuerySet):
    """What is said of records, cases among them."""

    def visible_to(self, user: User) -> Self:
        """Keep those on records, and on cases, that `user` may know of."""
        cases = Case.objects.visible_to(user)
        mine = models.Q(case__isnull=True) | models.Q(case__in=cases.values("pk"))
        return super().visible_to(user).filter(mine)


class HoldQuerySet(OfRecordQuerySet):
    """Legal holds."""

    def standing(self) -> Self:
        """Keep those that hold now."""
        today = timezone.now().date()
        return self.filter(
            models.Q(until__isnull=True) | models.Q(until__gte=today), lift__isnull=True
        )


class LegalHold(TeamOwned, Referenced, AppendOnly):
    """That a sighting, or a case with what it links, must not be erased."""

    LETTER = "H"

    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, null=True, related_name="holds"
    )
    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, null=True, related_name="holds"
    )
    basis = models.CharField(max_length=400)
    until = models.DateField(null=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = HoldQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="hold_on_one_thing",
                condition=models.Q(sighting__isnull=True) ^ models.Q(case__isnull=True),
            )
        ]


class HoldLift(AppendOnly):
    """That a second person lifted a hold."""

    hold = models.OneToOneField(LegalHold, on_delete=models.PROTECT, related_name="lift")
    reason = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class ErasureRequest(TeamOwned, Referenced, AppendOnly):
    """That somebody wants a sighting (in all its versions), case or brand erased, and why."""

    LETTER = "E"

    sighting = models.ForeignKey(
        "records.Sighting", on_delete=models.PROTECT, null=True, related_name="erasures"
    )
    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, null=True, related_name="erasures"
    )
    brand = models.ForeignKey(
        "records.Brand", on_delete=models.PROTECT, null=True, related_name="erasures"
    )
    reason = models.CharField(max_length=20, choices=_reasons)
    basis = models.CharField(max_length=400)
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)

    objects = OfRecordQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="erasure_of_one_thing",
                condition=models.Q(sighting__isnull=False, case=None, brand=None)
                | models.Q(sighting=None, case__isnull=False, brand=None)
                | models.Q(sighting=None, case=None, brand__isnull=False),
            )
        ]

    @property
    def record(self) -> Any:
        """The record that is to be erased."""
        return self.sighting or self.case or self.brand


class ErasureDecision(AppendOnly):
    """What a second person said."""

    request = models.OneToOneField(
        ErasureRequest, on_delete=models.PROTECT, related_name="decision"
    )
    agreed = models.BooleanField()
    reason = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class TombstoneQuerySet(TeamQuerySet):
    """Tombstones."""

    def visible_to(self, user: User) -> Self:
        """Keep those of records, and of cases, that `user` may know of."""
        cases = Case.objects.visible_to(user)
        mine = ~models.Q(kind="case") | models.Q(record_ref__in=cases.values("ref"))
        return super().visible_to(user).filter(mine)


class Tombstone(TeamOwned, AppendOnly):
    """What stays of an erased record. `key_id` is a random name and tells nothing."""

    kind = models.CharField(max_length=20)
    record_ref = models.CharField(max_length=13, unique=True)
    key_id = models.CharField(max_length=32, unique=True)
    retention_class = models.CharField(max_length=20, choices=_classes)
    recorded_at = models.DateTimeField()
    reason = models.CharField(max_length=20, choices=_reasons)
    asked_by = models.CharField(max_length=40)
    approved_by = models.CharField(max_length=40, blank=True)
    erased_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = TombstoneQuerySet.as_manager()  # type: ignore[misc]

    def __str__(self) -> str:
        """Return the reference of what was erased."""
        return self.record_ref
