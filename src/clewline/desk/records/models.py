"""What a payment page said, as rows that are written once.

Fields with a closed list of words take it from `vocab` (`Word`). Options and indicators are sealed
with the key of their sighting, so that erasing it erases them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clewline import vocab
from clewline.desk.ledger import AppendOnly, Referenced, Sealed, TeamOwned, TeamQuerySet
from clewline.desk.records.site_address import fingerprint


class Word(models.CharField):
    """A column for a field of ``vocab/records.yaml``; empty unless it has a default."""

    def __init__(self, field: str, **options: Any) -> None:
        self.field = field
        words = vocab.record_fields()[field]
        settings = {
            "max_length": 20,
            "choices": [(word, _(title)) for word, title in words.words.items()],
        }
        settings |= {"verbose_name": _(words.title)}
        if "default" not in options:
            settings |= {"blank": True, "default": ""}
        super().__init__(**{**settings, **options})

    def deconstruct(self) -> Any:
        """Leave the words out of migrations: a new word is no change of the database."""
        name, path, _, options = super().deconstruct()
        for derived in ("choices", "verbose_name", "max_length"):
            options.pop(derived, None)
        return name, path, [self.field], options


class Brand(TeamOwned, Referenced, Sealed):
    """A site under whatever addresses; its real name is sealed, its codename is what people see."""

    LETTER = "B"
    SEALED = ("name",)

    codename = models.CharField(max_length=60, db_index=True)
    name_sealed = models.BinaryField(null=True)
    name_index = models.BinaryField(max_length=16, null=True, db_index=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "codename"], name="brand_codename_once")
        ]

    def __str__(self) -> str:
        """Return the codename."""
        return self.codename


class Group(TeamOwned, Referenced):
    """Brands that one group of people seems to run."""

    LETTER = "G"

    codename = models.CharField(max_length=60)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        """Return the codename."""
        return self.codename


class Judgement(TeamOwned, AppendOnly):
    """What a person decided of two sides: they are one brand, or belong to one group.

    A side is a brand, a page (named by the reference of its first sighting) or a group. A ledger:
    the latest judgement of a pair counts; merged views are derived from it (`brands/derived.py`),
    and nothing is ever merged in the records. `left` comes before `right`.
    """

    kind = models.CharField(max_length=10, choices=[("brand", "brand"), ("group", "group")])
    left = models.CharField(max_length=13)
    right = models.CharField(max_length=13)
    verdict = Word("judgement", default="unsure")
    reasons = models.JSONField(default=list)
    looked_at = models.JSONField(default=list)
    note = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["left", "right"], name="judgement_left"),
            models.Index(fields=["right"], name="judgement_right"),
        ]


class Address(models.Model):
    """An address of any chain in its canonical form. That it is here says nothing to anybody.

    Who knows what of it is in options, attributions and statuses, each of a team.
    """

    chain = models.CharField(max_length=30)
    network = models.CharField(max_length=20, default="main")
    canonical = models.CharField(max_length=200)
    kind = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["canonical", "chain", "network"], name="address_once")
        ]

    def __str__(self) -> str:
        """Return the address."""
        return self.canonical


class KnownAddressQuerySet(TeamQuerySet):
    """Which team knows of which addresses."""

    def note(self, team_id: int, addresses: Iterable[Address]) -> None:
        """Note that a team knows of some addresses; whoever writes of an address says so here."""
        rows = {
            one.pk: KnownAddress(team_id=team_id, address=one, canonical=one.canonical)
            for one in addresses
        }
        # In one order everywhere, so that two who note the same rows do not wait for each other.
        self.bulk_create([rows[pk] for pk in sorted(rows)], ignore_conflicts=True)


class KnownAddress(TeamOwned):
    """That a team recorded or said something of an address, for finding it by its beginning.

    Without it the search for a beginning would walk through what all others know.
    """

    address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="known_by")
    canonical = models.CharField(max_length=200)

    objects = KnownAddressQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "address"], name="known_address_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["team", "canonical"],
                name="known_address_prefix",
                opclasses=["int8_ops", "varchar_pattern_ops"],
            )
        ]


class SightingQuerySet(TeamQuerySet):
    """Sightings."""

    def standing(self) -> Self:
        """Keep what still stands: neither corrected by another sighting nor withdrawn."""
        # Not joins: where hardly any row is corrected, SQLite would index all rows for one page.
        corrections = Sighting.objects.filter(supersedes=models.OuterRef("pk"))
        withdrawals = Withdrawal.objects.filter(sighting=models.OuterRef("pk"))
        return self.filter(~models.Exists(corrections), ~models.Exists(withdrawals))


class Sighting(TeamOwned, Referenced, Sealed, AppendOnly):
    """What one page said at one time. Corrections are sightings that supersede.

    `rotation` is shared by the refreshes of one page, which `rotation_index` counts. `draft` is the
    form that it was recorded with, so that a form sent twice records once.
    """

    LETTER = "S"
    SEALED = ("url", "wording", "page_text", "protected_source")

    recorder = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(default=timezone.now, db_index=True)
    observed_at = models.DateTimeField(db_index=True)
    observed_precision = Word("precision", default="minute")

    brand = models.ForeignKey(
        Brand, on_delete=models.PROTECT, null=True, related_name="sightings", db_index=False
    )
    url_sealed = models.BinaryField(null=True)
    url_index = models.BinaryField(max_length=16, null=True)
    host_index = models.BinaryField(max_length=16, null=True)
    location_kind = Word("location_kind")
    hosting_country = models.CharField(max_length=2, blank=True)
    hosting_basis = Word("hosting_basis")
    hosting_as_of = models.DateField(null=True)
    access_path = Word("access_path")
    commercial = Word("commercial")
    payment_visibility = Word("payment_visibility")
    classification = models.JSONField(default=list)
    age_band = Word("age_band")

    report_ref = models.CharField(max_length=80, blank=True)
    report_origin = Word("report_origin")
    obtained = Word("obtained", default="seen")
    protected_source_sealed = models.BinaryField(null=True)
    accounts = models.JSONField(default=list)

    neutral_summary = models.CharField(max_length=400, blank=True)
    wording_sealed = models.BinaryField(null=True)
    wording_language = models.CharField(max_length=12, blank=True)
    wording_sha256 = models.CharField(max_length=64, blank=True)
    page_text_sealed = models.BinaryField(null=True)
    page_text_hash = models.CharField(max_length=64, blank=True)
    sketch = models.BinaryField(null=True)

    source_grade = Word("source_grade")
    info_grade = Word("info_grade")
    handling = Word("handling")
    tlp = Word("tlp", default="amber")
    pap = Word("pap", default="amber")
    retention_class = Word("retention_class", default="report")

    rotation = models.UUIDField(default=uuid.uuid4, db_index=True)
    rotation_index = models.PositiveIntegerField(default=0)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )
    supersedes_reason = models.CharField(max_length=400, blank=True)
    draft = models.UUIDField(null=True)
    draft_check = models.BinaryField(max_length=16, null=True)

    objects = SightingQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        # The team first: how much others recorded of the same thing changes no answer's time.
        indexes: ClassVar = [
            models.Index(fields=["team", "-recorded_at", "-id"], name="sighting_team_recorded"),
            models.Index(fields=["team", "observed_at"], name="sighting_team_observed"),
            models.Index(fields=["team", "url_index"], name="sighting_team_url"),
            models.Index(fields=["team", "host_index"], name="sighting_team_host"),
            models.Index(fields=["team", "report_ref"], name="sighting_team_report"),
            models.Index(fields=["team", "page_text_hash"], name="sighting_team_page"),
            models.Index(fields=["brand", "-observed_at", "-id"], name="sighting_brand_observed"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["recorder", "draft"], name="sighting_draft_once"),
            models.UniqueConstraint(
                fields=["rotation", "rotation_index"],
                condition=models.Q(supersedes__isnull=True),
                name="sighting_refresh_once",
            ),
        ]

    @property
    def fingerprint(self) -> str:
        """What stands for the site's address in pages and lists; empty where none was recorded."""
        return fingerprint(bytes(self.url_index)) if self.url_index else ""


class Withdrawal(AppendOnly):
    """A sighting that no longer stands, and why."""

    sighting = models.OneToOneField(Sighting, on_delete=models.PROTECT, related_name="withdrawal")
    reason = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class PageState(TeamOwned, AppendOnly):
    """What became of a page: reported, confirmed, removed, back again. Its team is its sighting's.

    It is of the page, that is of all sightings with the same `rotation`. Who says so is a person of
    the desk, or a partner to whom the page was reported.
    """

    sighting = models.ForeignKey(Sighting, on_delete=models.PROTECT, related_name="states")
    rotation = models.UUIDField()
    state = Word("page_state", default="reported_host")
    at = models.DateTimeField()
    reference = models.CharField(max_length=80, blank=True)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, null=True, related_name="+"
    )
    noted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["rotation", "at"], name="page_state_of_page"),
            models.Index(fields=["team", "at"], name="page_state_team"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(by__isnull=True) ^ models.Q(partner__isnull=True),
                name="page_state_by_one",
            )
        ]

    @property
    def said_by(self) -> str:
        """Who says so: a pseudonym, or a partner's reference."""
        return str(self.by or self.partner)


class PaymentOptionQuerySet(TeamQuerySet):
    """Payment options."""

    def standing(self) -> Self:
        """Keep those of sightings that still stand."""
        # Joins, not `sighting__in`: PostgreSQL repeats such a list for every row of a young table.
        return self.filter(sighting__superseded_by=None, sighting__withdrawal=None)


class PaymentOption(TeamOwned, Sealed, AppendOnly):
    """One way to pay that a page offered. Its team is that of its sighting."""

    SEALED = ("contact",)

    sighting = models.ForeignKey(Sighting, on_delete=models.PROTECT, related_name="options")
    position = models.PositiveSmallIntegerField()
    rail = Word("rail", default="crypto")
    processor = models.CharField(max_length=60, blank=True)
    asset = models.CharField(max_length=20, blank=True)
    network = models.CharField(max_length=30, blank=True)
    token_contract = models.CharField(max_length=100, blank=True)
    amount_min = models.CharField(max_length=40, blank=True)
    amount_max = models.CharField(max_length=40, blank=True)
    price_currency = models.CharField(max_length=12, blank=True)
    payment_currency = models.CharField(max_length=12, blank=True)
    period = Word("period")
    tier = models.CharField(max_length=60, blank=True)
    address = models.ForeignKey(
        Address, on_delete=models.PROTECT, null=True, related_name="options"
    )
    address_shown = models.CharField(max_length=400, blank=True)
    checksum_ok = models.BooleanField(null=True)
    form = Word("form", default="text")
    uri_parameters = models.JSONField(default=dict)
    memo = models.CharField(max_length=120, blank=True)
    invoice_expires_at = models.DateTimeField(null=True)
    credit = Word("credit")
    obtained = Word("obtained", default="seen")
    contact_kind = Word("contact_kind")
    contact_sealed = models.BinaryField(null=True)
    contact_index = models.BinaryField(max_length=16, null=True)

    objects = PaymentOptionQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        ordering: ClassVar = ["position"]
        indexes: ClassVar = [
            models.Index(fields=["team", "address"], name="option_team_address"),
            models.Index(fields=["team", "contact_index"], name="option_team_contact"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sighting", "position"], name="option_position_once")
        ]


class Indicator(Sealed, AppendOnly):
    """Something in a page's source by which sites are linked; found by its keyed index."""

    SEALED = ("value",)

    sighting = models.ForeignKey(Sighting, on_delete=models.PROTECT, related_name="indicators")
    kind = models.CharField(max_length=40)
    value_sealed = models.BinaryField(null=True)
    value_index = models.BinaryField(max_length=16, db_index=True)
    place = models.CharField(max_length=120, blank=True)
    start = models.PositiveIntegerField(null=True)
    end = models.PositiveIntegerField(null=True)
    set_aside = models.CharField(max_length=120, blank=True)


class TraitKey(TeamOwned):
    """Something by which pages are compared, and who has it: a brand, or a page without one.

    One row however many sightings of the brand have it; `sighting` is the latest of them. `key` is
    keyed, so that nothing can be read from it.
    """

    key = models.BinaryField(max_length=16)
    unit = models.CharField(max_length=13)
    sighting = models.ForeignKey(Sighting, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "key", "unit"], name="trait_key_once")
        ]


class Proposal(TeamOwned):
    """Two brands, or pages without one, that somebody should compare; a hint and no record.

    What they have in common is told afresh, from what stands, when a person looks at it.
    """

    kind = models.CharField(max_length=10, choices=[("brand", "brand"), ("group", "group")])
    left = models.CharField(max_length=13)
    right = models.CharField(max_length=13)
    strength = models.PositiveSmallIntegerField()
    left_sighting = models.ForeignKey(Sighting, on_delete=models.PROTECT, related_name="+")
    right_sighting = models.ForeignKey(Sighting, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "kind", "left", "right"], name="proposal_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["team", "-strength", "-id"], name="proposal_queue")
        ]

    @property
    def key(self) -> str:
        """By what people go on from it: a running number would tell how many there are."""
        return f"{self.kind}.{self.left}.{self.right}"


class Attribution(TeamOwned, AppendOnly):
    """What somebody says of an address: who holds it, how sure. Side by side, never merged."""

    address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="attributions")
    label = models.CharField(max_length=120)
    category = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=120)
    confidence = models.CharField(max_length=40)
    custody = Word("custody", default="unknown")
    obtained = Word("obtained", default="seen")
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateField(null=True)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["team", "address"], name="attribution_team_address")
        ]


class AddressStatus(TeamOwned, AppendOnly):
    """Whether a team still stands by an address. The latest row counts; none means active."""

    address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="statuses")
    status = Word("address_status", default="active")
    reason = models.CharField(max_length=400)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "address"], name="status_team_address")]


__all__ = [
    "Address",
    "AddressStatus",
    "Attribution",
    "Brand",
    "Group",
    "Indicator",
    "Judgement",
    "KnownAddress",
    "PageState",
    "PaymentOption",
    "Proposal",
    "Sighting",
    "SightingQuerySet",
    "TeamQuerySet",
    "TraitKey",
    "Withdrawal",
]
