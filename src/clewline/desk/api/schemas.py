"""Shapes of requests and answers. Every text and number has a bound; unknown fields are refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from ninja import Schema
from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import PydanticCustomError, core_schema

from clewline.vocab import words


@dataclass(frozen=True)
class WordOf:
    """One of the words of a field of ``vocab/records.yaml``, or empty text for none."""

    field: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Hold a text against the words."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """List the words."""
        return {"type": "string", "enum": self._allowed()}

    def _allowed(self) -> list[str]:
        """Return the words."""
        return ["", *words(self.field)]

    def _check(self, text: str) -> str:
        """Refuse anything else, and list what is allowed."""
        if text not in self._allowed():
            allowed = ", ".join(self._allowed()[1:])
            raise PydanticCustomError("word", "is none of: {allowed}", {"allowed": allowed})
        return text


def _in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC: PostgreSQL takes no offset of 16 hours or more."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment", "is before year 1 or after year 9999 in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
# PostgreSQL keeps no NUL in a text.
Line = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]
Said = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]
Short = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]
Long = Annotated[str, Field(max_length=200_000, pattern=r"^[^\x00]*$")]
Amount = Annotated[str, Field(max_length=40, pattern=r"^([0-9]{1,20}(\.[0-9]{1,18})?)?$")]
Ref = Annotated[str, Field(max_length=13, pattern=r"^[^\x00]*$")]
Limit = Annotated[int, Field(ge=1, le=200)]
# Neither "yes" nor 1 is taken for true, nor "7" for 7: the contract says boolean and integer.
Flag = Annotated[bool, Field(strict=True)]


class Strict(Schema):
    """A request in which every field is known."""

    model_config = ConfigDict(extra="forbid")


class ReasonIn(Strict):
    """Why."""

    reason: Said


class DecisionIn(Strict):
    """What a second person says."""

    agreed: Flag
    reason: Line = ""


class CallIn(Strict):
    """A call back: an office, and a number that they did not give themselves."""

    how: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    confirmed: Flag


class Problem(Schema):
    """Why a request was not answered; `code` is one of docs/ERRORS.md."""

    code: str
    message: str
    where: str | None = None
    hint: str | None = None


ERRORS: Final = dict.fromkeys((400, 401, 403, 413, 422, 429), Problem)
"""What every operation may answer instead."""
OF_ONE: Final = {**ERRORS, 404: Problem}
"""What an operation on one record may answer instead."""


class Me(Schema):
    """Whose token this is, and what it may do."""

    pseudonym: str
    organisation: str
    teams: list[str]
    roles: list[str]
    scopes: list[str]
    expires_at: str


class PageIn(Strict):
    """A pasted page: text or HTML source, never a file."""

    source: Annotated[str, Field(max_length=5_000_000)]


class ProposalOut(Schema):
    """Something that a page seems to say, for a person to confirm."""

    kind: str
    value: str
    start: int | None
    end: int | None
    place: str
    certainty: str
    reason: str
    details: dict[str, str | list[str]]


class PageOut(Schema):
    """What a page seems to say. Nothing of it is stored."""

    hash: str
    is_html: bool
    refused: list[str]
    proposals: list[ProposalOut]


class OptionIn(Strict):
    """One way to pay."""

    rail: Annotated[str, WordOf("rail")] = "crypto"
    processor: Annotated[str, Field(max_length=60)] = ""
    asset: Annotated[str, Field(max_length=20)] = ""
    network: Annotated[str, Field(max_length=30)] = ""
    token_contract: Annotated[str, Field(max_length=100)] = ""
    amount_min: Amount = ""
    amount_max: Amount = ""
    price_currency: Annotated[str, Field(max_length=12)] = ""
    payment_currency: Annotated[str, Field(max_length=12)] = ""
    period: Annotated[str, WordOf("period")] = ""
    tier: Annotated[str, Field(max_length=60)] = ""
    address: Annotated[str, Field(max_length=200)] = ""
    address_shown: Line = ""
    chain: Annotated[str, Field(max_length=30)] = ""
    network_of_address: Annotated[str, Field(max_length=20)] = ""
    as_shown: bool = False
    form: Annotated[str, WordOf("form")] = "text"
    memo: Annotated[str, Field(max_length=120)] = ""
    invoice_expires_at: Moment | None = None
    credit: Annotated[str, WordOf("credit")] = ""
    obtained: Annotated[str, WordOf("obtained")] = "seen"
    contact_kind: Annotated[str, WordOf("contact_kind")] = ""
    contact: Annotated[str, Field(max_length=200)] = ""


class SightingIn(Strict):
    """What one page said at one time; url, wording, source and contacts are sealed on arrival."""

    observed_at: Moment
    observed_precision: Annotated[str, WordOf("precision")] = "minute"
    team: Short = ""
    brand: Annotated[str, Field(max_length=60)] = ""
    url: Annotated[str, Field(max_length=4_000)] = ""
    location_kind: Annotated[str, WordOf("location_kind")] = ""
    hosting_country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] = ""
    hosting_basis: Annotated[str, WordOf("hosting_basis")] = ""
    hosting_as_of: date | None = None
    access_path: Annotated[str, WordOf("access_path")] = ""
    commercial: Annotated[str, WordOf("commercial")] = ""
    payment_visibility: Annotated[str, WordOf("payment_visibility")] = ""
    age_band: Annotated[str, WordOf("age_band")] = ""
    report_ref: Short = ""
    report_origin: Annotated[str, WordOf("report_origin")] = ""
    obtained: Annotated[str, WordOf("obtained")] = "seen"
    protected_source: Line = ""
    neutral_summary: Line = ""
    wording: Long = ""
    wording_language: Annotated[str, Field(max_length=12)] = ""
    source_grade: Annotated[str, WordOf("source_grade")] = ""
    info_grade: Annotated[str, WordOf("info_grade")] = ""
    handling: Annotated[str, WordOf("handling")] = ""
    tlp: Annotated[str, WordOf("tlp")] = "amber"
    pap: Annotated[str, WordOf("pap")] = "amber"
    retention_class: Annotated[str, WordOf("retention_class")] = "report"
    options: Annotated[tuple[OptionIn, ...], Field(max_length=60)] = ()
    draft: UUID | None = Field(
        default=None, description="Yours for this record: sent twice, it is recorded once."
    )


class CorrectionIn(Strict):
    """What stands instead of a sighting, and why. What it leaves empty of sealed fields stays."""

    reason: Annotated[str, Field(min_length=1, max_length=400)]
    sighting: SightingIn


class WithdrawalIn(Strict):
    """Why a sighting no longer stands."""

    reason: Annotated[str, Field(min_length=1, max_length=400)]


class AddressOut(Schema):
    """An address in its canonical form."""

    chain: str
    network: str
    canonical: str
    kind: str


class OptionOut(Schema):
    """One way to pay. Of a contact only its kind."""

    position: int
    rail: str
    processor: str
    asset: str
    network: str
    token_contract: str
    amount_min: str
    amount_max: str
    price_currency: str
    payment_currency: str
    period: str
    tier: str
    address: AddressOut | None
    checksum_ok: bool | None
    form: str
    memo: str
    credit: str
    obtained: str
    contact_kind: str


class SightingOut(Schema):
    """A sighting without its sealed fields: a site's address is there as its fingerprint."""

    ref: str
    team: str
    recorder: str
    recorded_at: datetime
    observed_at: datetime
    observed_precision: str
    brand: str | None
    fingerprint: str
    location_kind: str
    hosting_country: str
    hosting_basis: str
    hosting_as_of: date | None
    access_path: str
    commercial: str
    payment_visibility: str
    age_band: str
    report_ref: str
    report_origin: str
    obtained: str
    neutral_summary: str
    wording_language: str
    source_grade: str
    info_grade: str
    handling: str
    tlp: str
    pap: str
    retention_class: str
    rotation: UUID
    rotation_index: int
    supersedes: str | None
    superseded_by: str | None
    withdrawn: str | None
    options: list[OptionOut]


class SightingsOut(Schema):
    """A page of sightings, newest first; `next` goes on behind it."""

    items: list[SightingOut]
    next: str | None


class ImportIn(Strict):
    """Sightings to record, each by itself: one that is refused does not stop the others."""

    sightings: Annotated[list[SightingIn], Field(min_length=1, max_length=500)]


class ImportedOut(Schema):
    """What became of one row: its reference, or why not."""

    row: int
    ref: str | None
    problem: Problem | None


class QuestionsIn(Strict):
    """What is asked: whole addresses, transactions, references, sites, contacts, codenames."""

    questions: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]],
        Field(min_length=1, max_length=1000),
    ]


class HitOut(Schema):
    """One thing that was found."""

    kind: str
    name: str
    note: str
    sightings: int
    first: datetime | None
    last: datetime | None
    brands: list[str]
    labels: list[str]
    cases: list[str]
    status: str
    chain: str


class AnswerOut(Schema):
    """What is known of one question."""

    asked: str
    kind: str
    known: bool
    hits: list[HitOut]


class NewCaseIn(Strict):
    """A new case. Its title is sealed on arrival; a sealed case is counted in no figures."""

    team: Short = ""
    codename: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
    title: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    legal_basis: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    sealed: Flag = True


class LinkIn(Strict):
    """What is added to a case, and why."""

    what: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]
    why: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


class LinkedOut(Schema):
    """What belongs to a case; without a name where it is of a team that is none of one's own."""

    kind: str
    name: str
    why: str


class CaseOut(Schema):
    """A case by its codename; `links` only where one case is asked for."""

    ref: str
    codename: str
    team: str
    owner: str
    state: str
    sealed: bool
    legal_basis: str
    opened_at: datetime
    closed_at: datetime | None
    links: list[LinkedOut]


class CasesOut(Schema):
    """One's own cases."""

    items: list[CaseOut]


class RefreshIn(Strict):
    """What a page shows at its next refresh; all else is as before."""

    observed_at: Moment
    options: Annotated[tuple[OptionIn, ...], Field(max_length=60)] = ()
    draft: UUID | None = None


class StateIn(Strict):
    """What became of a page."""

    state: Annotated[str, WordOf("page_state"), Field(min_length=1)]
    at: Moment
    reference: Short = ""


class StateOut(Schema):
    """What became of a page, as somebody noted it."""

    state: str
    at: datetime
    reference: str
    by: str
    noted_at: datetime


class AddressIn(Strict):
    """An address in its canonical form."""

    chain: Annotated[str, Field(max_length=30, pattern=r"^[^\x00]*$")]
    network: Annotated[str, Field(max_length=20, pattern=r"^[^\x00]*$")] = "main"
    canonical: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class AttributionIn(AddressIn):
    """Who holds an address, beside what others say."""

    team: Short = ""
    label: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
    category: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = ""
    source: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
    confidence: Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]
    custody: Annotated[str, WordOf("custody"), Field(min_length=1)] = "unknown"
    obtained: Annotated[str, WordOf("obtained"), Field(min_length=1)] = "seen"
    expires_at: date | None = None


class AddressStatusIn(AddressIn):
    """Whether a team still stands by an address, and why."""

    team: Short = ""
    status: Annotated[str, WordOf("address_status"), Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


class AttributionOut(Schema):
    """What somebody of one's teams says of an address."""

    team: str
    label: str
    category: str
    source: str
    confidence: str
    custody: str
    obtained: str
    by: str
    at: datetime
    expires_at: date | None


class AddressStatusOut(Schema):
    """Whether a team stands by an address."""

    team: str
    status: str
    reason: str
    by: str
    at: datetime


class SaidOut(Schema):
    """All that one's teams said of an address, oldest first."""

    attributions: list[AttributionOut]
    statuses: list[AddressStatusOut]


class DisputeIn(Strict):
    """What anybody disputes, as staff enter it; all of `named` to `contact` is sealed."""

    team: Short = ""
    named: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]
    grounds: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
    disputer: Annotated[str, Field(max_length=120, pattern=r"^[^\x00]*$")] = ""
    contact: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    disputer_kind: Annotated[str, WordOf("disputer_kind"), Field(min_length=1)]
    channel: Annotated[str, WordOf("dispute_channel"), Field(min_length=1)]
    received_on: date | None = None


class DisputeTakenIn(Strict):
    """Which address a dispute is about, or R-… as the recipient of an alert quotes it."""

    named: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class DisputeProposalIn(Strict):
    """What somebody who examined a dispute would decide."""

    outcome: Annotated[str, WordOf("dispute_outcome"), Field(min_length=1)]
    correction: Annotated[str, WordOf("dispute_correction")] = ""
    valid_until: date | None = None
    reason: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


class DisputeDecisionIn(Strict):
    """What a second person says; a reason is needed to send it back."""

    agreed: bool
    reason: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")] = ""


class DisputeProposalOut(Schema):
    """A proposal, and what became of it; `agreed` is null while it waits."""

    outcome: str
    correction: str
    valid_until: date | None
    reason: str
    by: str
    agreed: bool | None
    decided_by: str | None


class DisputeReplyIn(Strict):
    """How an answer was sent."""

    how: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class DisputeOut(Schema):
    """A dispute; who disputes and why is sealed and not here."""

    ref: str
    team: str
    state: str
    disputer_kind: str
    channel: str
    received_on: date
    due_on: date
    address: AddressOut | None
    proposals: list[DisputeProposalOut]


class DisputesOut(Schema):
    """Disputes; `next` is where the following ones begin."""

    items: list[DisputeOut]
    next: str | None


class BrandIn(Strict):
    """A new brand; its real name is sealed on arrival."""

    team: Short = ""
    codename: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class JudgementIn(Strict):
    """Whether two are one brand or group; a side is the reference of a brand, page or group."""

    kind: Annotated[str, Field(pattern="^(brand|group)$")]
    left: Annotated[str, Field(min_length=1, max_length=13, pattern=r"^[^\x00]*$")]
    right: Annotated[str, Field(min_length=1, max_length=13, pattern=r"^[^\x00]*$")]
    verdict: Annotated[str, Field(pattern="^(same|different|unsure)$")]
    note: Line = ""


class JudgementOut(Schema):
    """A judgement as it stands in the ledger."""

    kind: str
    left: str
    right: str
    verdict: str
    note: str
    by: str
    at: datetime


class BrandOut(Schema):
    """A brand by its codename; `judgements` only where one brand is asked for."""

    ref: str
    codename: str
    team: str
    created_at: datetime
    judgements: list[JudgementOut]


class BrandsOut(Schema):
    """A page of brands by codename; `next` goes on behind it."""

    items: list[BrandOut]
    next: str | None


class EventOut(Schema):
    """An event of the audit log, as it was hashed."""

    seq: int
    at: datetime
    actor: str
    on_behalf: str
    action: str
    object: str
    purpose: str
    result: str
    client: str
    details: str
    prev_hash: str
    hash: str


class EventsOut(Schema):
    """A page of the audit log, in order; `next` is the number behind which it goes on."""

    items: list[EventOut]
    next: int | None


class MeasureOut(Schema):
    """One measure of a year with its words; `values`: period → group → number."""

    id: str
    title: str
    unit: str
    definition: str
    common: str
    version: int
    denominator: str
    groups: str
    adds_up: bool
    values: dict[str, dict[str, float]]


class FiguresOut(Schema):
    """The figures of a year; `ref` where they were published."""

    ref: str | None
    year: int
    counted_at: datetime
    figures: list[MeasureOut]


class PublishIn(Strict):
    """What is said of figures that are published."""

    note: Line = ""


class NewImportIn(Strict):
    """A new import; `constants` is field → what holds where a row says nothing."""

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
    form: Annotated[str, Field(pattern="^(csv|jsonl)$")]
    team: Short = ""
    constants: Annotated[
        dict[str, Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]],
        Field(max_length=60, default_factory=dict),
    ]


class PartIn(Strict):
    """A text, as the next part of an import; the same part sent again changes nothing."""

    part: Annotated[int, Field(ge=1, le=100_000)]
    text: Annotated[str, Field(min_length=1, max_length=2_000_000)]


class ColumnsIn(Strict):
    """Column → field; columns that are left out are not read."""

    mapping: Annotated[
        dict[str, Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]],
        Field(max_length=200),
    ]


class UndoIn(Strict):
    """Why an import is taken back."""

    reason: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class ImportOut(Schema):
    """How far an import is. `state`: empty, check, ready, recording, done, undoing, undone."""

    ref: str
    name: str
    form: str
    team: str
    by: str
    at: datetime
    state: str
    rows: int
    parts: int
    checked: int
    states: dict[str, int]
    columns: list[str]
    mapping: dict[str, str]


class ImportsOut(Schema):
    """The newest imports of one's teams."""

    items: list[ImportOut]


class StepOut(Schema):
    """What a step did: rows from first to last, state → how many, and whether it was the last."""

    first: int
    last: int
    states: dict[str, int]
    refs: list[str]
    done: bool


class WrongRowOut(Schema):
    """A row that is not taken: where in it, why, what is allowed."""

    row: int
    line: int
    where: str
    problem: str
    hint: str


class WrongRowsOut(Schema):
    """Wrong rows in order; `next` is the row behind which it goes on."""

    items: list[WrongRowOut]
    next: int | None
