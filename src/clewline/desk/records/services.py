"""Every change of a sighting. A page is recorded once and never edited: another row corrects it."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from clewline.desk.accounts.models import Team, User
from clewline.desk.brands import proposing
from clewline.desk.ledger import index_of, new_reference, vault
from clewline.desk.partners.models import Partner
from clewline.desk.records.drafts import (
    AccountDraft,
    IndicatorDraft,
    OptionDraft,
    SightingDraft,
    require_plain,
)
from clewline.desk.records.models import (
    Address,
    Brand,
    Indicator,
    KnownAddress,
    PageState,
    PaymentOption,
    Sighting,
    Withdrawal,
)
from clewline.desk.records.plain_text import require_text
from clewline.desk.records.site_address import read_site_address
from clewline.errors import UsageError
from clewline.intake import Reading, likeness, read_address
from clewline.intake.indicators import indicator_key

__all__ = [
    "AccountDraft",
    "IndicatorDraft",
    "OptionDraft",
    "SightingDraft",
    "canonical_contact",
    "meaning_of",
    "note_state",
    "record",
    "refresh",
    "supersede",
    "withdraw",
]

MOST_OPTIONS: Final = 60
MOST_INDICATORS: Final = 2_000
MOST_OF_ADDRESS: Final = 200
SEALED: Final = ("url", "wording", "page_text", "protected_source")
_COPIED: Final = (
    *("observed_precision", "location_kind", "hosting_country", "hosting_basis", "hosting_as_of"),
    *("access_path", "commercial", "payment_visibility", "age_band", "report_ref"),
    *("report_origin", "obtained", "neutral_summary", "wording_language"),
    *("source_grade", "info_grade", "handling", "tlp", "pap", "retention_class"),
)
_OPTION_COPIED: Final = (
    *("rail", "processor", "asset", "network", "token_contract", "amount_min", "amount_max"),
    *("price_currency", "payment_currency", "period", "tier", "form", "memo"),
    *("invoice_expires_at", "credit", "obtained", "contact_kind"),
)
_AMOUNT: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,18})?")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ().\-/]{5,}")
_SLACK: Final = timedelta(minutes=10)


class Meaning(NamedTuple):
    """Which address an option means, and whether its checksum is right (None: it has none)."""

    chain: str
    network: str
    canonical: str
    kind: str
    checksum_ok: bool | None
    tag: str = ""


def canonical_contact(text: str) -> str:
    """Return a contact in the form by which it is compared.

    Examples
    --------
    >>> canonical_contact("@Some_Name"), canonical_contact("+44 (0)20 7946-0000")
    ('some_name', '+4402079460000')
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if _PHONE.fullmatch(text):
        return re.sub(r"[^0-9+]", "", text)
    return "".join(text.casefold().split()).removeprefix("@")


def meaning_of(option: OptionDraft, where: str = "") -> Meaning | None:
    """Return which address an option means; None where it has none.

    Parameters
    ----------
    option : OptionDraft
        What somebody confirmed.
    where : str
        What stands before the name of the field in an error.

    Raises
    ------
    UsageError
        If it is none and was not confirmed as shown, or one of several chains and none was named.
    """
    if not option.address:
        return None
    readings = read_address(option.address)
    if not readings:
        if option.as_shown and len(option.address) <= MOST_OF_ADDRESS:
            return Meaning("", "", option.address, "as shown", checksum_ok=False)
        raise UsageError(
            "is no address of any chain known here, or its checksum is wrong",
            where=f"{where}address",
            hint="correct it, or confirm that it stands so on the page",
        )
    wanted = option.chain or option.asset
    fitting = [
        one
        for one in readings
        if (one.chain == wanted or not option.chain)
        and option.network_of_address in ("", one.network)
    ]
    named = [one for one in fitting if one.chain == wanted] or fitting
    if not named:
        known = ", ".join(dict.fromkeys(one.chain for one in readings))
        raise UsageError(f"is an address of {known}", where=f"{where}address")
    if len({one.chain for one in named}) > 1:
        known = ", ".join(dict.fromkeys(one.chain for one in named))
        raise UsageError(
            f"is an address of several chains ({known}): say which is meant",
            where=f"{where}address",
        )
    return _of_reading(named[0])


@transaction.atomic
def record(
    user: User,
    draft: SightingDraft,
    *,
    team: Team | None = None,
    supersedes: Sighting | None = None,
    reason: str = "",
    keep: Iterable[str] = (),
    site_of: Sighting | None = None,
) -> Sighting:
    """Record what a page said; all of it or nothing.

    Parameters
    ----------
    user : User
        The recorder.
    draft : SightingDraft
        What was confirmed.
    team : Team, optional
        Whose record it is; the team of what it supersedes, or the recorder's first.
    supersedes : Sighting, optional
        The sighting that this one corrects.
    reason : str
        Why it is corrected.
    keep : iterable of str
        Sealed fields, and ``indicators``, that are taken over unseen from what is superseded where
        the draft has none.
    site_of : Sighting, optional
        Another page of the same site: its address is taken over unseen where the draft has none.

    Returns
    -------
    Sighting
        The new one; or the one that the same form recorded before.

    Raises
    ------
    UsageError
        If a field is not as it must be, an address has no right checksum and was not confirmed as
        shown, the form recorded something else before, or the sighting was corrected before.
    DataError
        If a text holds media or binary.
    """
    require_plain(draft)
    check = check_of(draft, supersedes)
    if (earlier := _recorded_before(user, draft, check)) is not None:
        return earlier
    if site_of is not None and not draft.url:
        team_of(user, None, site_of)
        draft = replace(draft, url=site_of.unseal("url"))
    rotation: dict[str, Any] = {}
    if supersedes is not None:
        _may_correct(user, supersedes, reason)
        rotation = {
            "rotation": supersedes.rotation,
            "rotation_index": supersedes.rotation_index,
            "supersedes": supersedes,
            "supersedes_reason": reason,
        }
    return _write(
        user,
        draft,
        team_of(user, team, supersedes),
        check,
        source=supersedes,
        keep=frozenset(keep),
        **rotation,
    )


@transaction.atomic
def refresh(
    user: User,
    sighting: Sighting,
    options: Sequence[OptionDraft],
    **changes: Any,
) -> Sighting:
    """Record the next refresh of a page: all as before, but for the options' addresses.

    Site, brand and markings are those of `sighting`; its wording and page text are not copied.

    Parameters
    ----------
    user : User
        The recorder.
    sighting : Sighting
        Any of the page's sightings that stands.
    options : sequence of OptionDraft
        What the page shows now.
    **changes
        Other fields of `SightingDraft` that differ: `observed_at`, `draft`, `page_hash`.

    Raises
    ------
    UsageError, DataError
        As `record`.
    """
    settled = {"observed_at": timezone.now(), **changes, "options": tuple(options)}
    draft = replace(draft_of(sighting), **settled)
    require_plain(draft)
    check = check_of(draft, sighting)
    if (earlier := _recorded_before(user, draft, check)) is not None:
        return earlier
    _stands(sighting)
    # Whoever refreshes the same page at the same time waits here.
    first = Sighting.objects.select_for_update(no_key=True).filter(
        rotation=sighting.rotation, rotation_index=0
    )
    list(first.values_list("id"))
    shown = Sighting.objects.filter(rotation=sighting.rotation)
    last = shown.aggregate(last=models.Max("rotation_index"))["last"]
    return _write(
        user,
        draft,
        team_of(user, None, sighting),
        check,
        source=sighting,
        keep=frozenset({"url", "protected_source"}),
        rotation=sighting.rotation,
        rotation_index=last + 1,
    )


def supersede(
    user: User,
    sighting: Sighting,
    draft: SightingDraft,
    reason: str,
    keep: Iterable[str] = (*SEALED, "indicators"),
) -> Sighting:
    """Correct a sighting by another one; see `record`."""
    return record(user, draft, supersedes=sighting, reason=reason, keep=keep)


@transaction.atomic
def withdraw(user: User, sighting: Sighting, reason: str) -> Withdrawal:
    """Say that a sighting no longer stands, and why. It stays readable.

    Raises
    ------
    UsageError
        If no reason is given, or it does not stand any more.
    """
    _may_correct(user, sighting, reason)
    try:
        with transaction.atomic():
            return Withdrawal.objects.create(sighting=sighting, reason=reason, by=user)
    except IntegrityError:
        raise UsageError("it was withdrawn before", where=sighting.ref) from None


@transaction.atomic
def note_state(
    user: User, sighting: Sighting, state: str, at: datetime, reference: str = ""
) -> PageState:
    """Note what became of a page: that it was reported, removed, or is back.

    Parameters
    ----------
    user : User
        Who notes it.
    sighting : Sighting
        Any of the page's sightings that stands.
    state : str
        A word of `page_state`.
    at : datetime
        When it happened.
    reference : str
        What the other side calls it.

    Raises
    ------
    UsageError
        If it lies in the future, or removal or return comes before what it needs.
    DataError
        If the reference holds media or binary.
    """
    require_text(reference, "reference")
    team_of(user, None, sighting)
    _stands(sighting)
    if at > timezone.now() + _SLACK:
        raise UsageError("lies in the future", where="at")
    before = PageState.objects.filter(
        rotation=sighting.rotation, team=sighting.team_id, at__lte=at
    ).values_list("state", flat=True)
    if state == "reappeared" and "removed" not in before:
        raise UsageError("it was not removed before", where="state", hint="note the removal first")
    return note_state_told(sighting, state, at, reference, user)


def note_state_told(
    sighting: Sighting, state: str, at: datetime, reference: str, by: User | Partner
) -> PageState:
    """Note what became of a page as whoever it was reported to says, or a person wrote down.

    It is noted of a page whose sighting was withdrawn meanwhile, too: it was reported nevertheless.
    """
    made = PageState(
        team_id=sighting.team_id,
        sighting=sighting,
        rotation=sighting.rotation,
        state=state,
        at=at,
        reference=reference,
        by=by if isinstance(by, User) else None,
        partner=None if isinstance(by, User) else by,
    )
    check_row(made, "page")
    made.save()
    return made


def draft_of(sighting: Sighting) -> SightingDraft:
    """Return a sighting as a draft, its sealed fields left out; they are kept by `keep`."""
    options = sighting.options.select_related("address")
    return SightingDraft(
        observed_at=sighting.observed_at,
        brand=sighting.brand.codename if sighting.brand else "",
        classification=tuple(sighting.classification),
        accounts=tuple(AccountDraft(**account) for account in sighting.accounts),
        options=tuple(option_draft_of(option) for option in options),
        **{name: getattr(sighting, name) for name in _COPIED},
    )


def option_draft_of(option: PaymentOption) -> OptionDraft:
    """Return an option as a draft; its contact is kept by position."""
    address = option.address
    return OptionDraft(
        address=address.canonical if address else "",
        address_shown=option.address_shown,
        chain=address.chain if address else "",
        network_of_address=address.network if address else "",
        as_shown=option.checksum_ok is False,
        uri_parameters=option.uri_parameters,
        contact_of=option.position if option.contact_sealed else None,
        **{name: getattr(option, name) for name in _OPTION_COPIED},
    )


def check_of(draft: SightingDraft, source: Sighting | None) -> bytes:
    """Return the keyed hash by which the same form is known when it comes again."""
    plain = asdict(draft)
    plain["options"] = [
        {**one, "uri_parameters": dict(one["uri_parameters"])} for one in plain["options"]
    ]
    text = json.dumps(plain, sort_keys=True, default=str)
    return index_of("draft", f"{source.ref if source else ''}\x00{text}")


def _recorded_before(user: User, draft: SightingDraft, check: bytes) -> Sighting | None:
    """Return what the same form recorded before."""
    if draft.draft is None:
        return None
    earlier: Sighting | None = Sighting.objects.filter(recorder=user, draft=draft.draft).first()
    if earlier is not None and bytes(earlier.draft_check or b"") != check:
        raise UsageError(
            f"this form was saved already, as {earlier.ref}, and says something else now",
            where="form",
            hint="open that sighting and correct it, or begin a new one",
        )
    return earlier


def team_of(user: User, team: Team | None, source: Sighting | None) -> int:
    """Return the id of the team whose record it will be."""
    wanted = team.id if team is not None else source.team_id if source is not None else None
    mine = user.team_ids
    if not mine:
        raise UsageError("who records belongs to a team", where=user.pseudonym)
    if wanted is None:
        return min(mine)
    if wanted not in mine:
        raise UsageError("not a team of yours", where="team")
    return wanted


def _stands(sighting: Sighting) -> None:
    """Refuse a sighting that was corrected or withdrawn."""
    if not Sighting.objects.standing().filter(pk=sighting.pk).exists():
        raise UsageError(
            "this sighting was corrected or withdrawn before",
            where=sighting.ref,
            hint="open it to see by which one",
        )


def _may_correct(user: User, sighting: Sighting, reason: str) -> None:
    """Refuse what must not be corrected by this person, in this way."""
    if not reason.strip():
        raise UsageError("say why", where="reason")
    team_of(user, None, sighting)
    _stands(sighting)


def _write(
    user: User,
    draft: SightingDraft,
    team_id: int,
    check: bytes,
    *,
    source: Sighting | None,
    keep: frozenset[str],
    **rotation: Any,
) -> Sighting:
    """Write the rows of a sighting."""
    meant = meant_by(draft)
    sighting = row_of(user, draft, team_id, **rotation)
    sighting.key_id = vault().new_key()
    sighting.brand = brand_of(user, team_id, draft.brand)
    sighting.draft, sighting.draft_check = draft.draft, check if draft.draft else None
    for name in SEALED:
        text = getattr(draft, name)
        if not text and source is not None and name in keep:
            text = source.unseal(name)
            _keep_indexes(sighting, source, name)
        sighting.seal(name, text)
    sketch = sketch_of(draft.read_text or draft.page_text)
    if source is not None and not draft.page_hash and "indicators" in keep:
        sighting.page_text_hash = source.page_text_hash
        sketch = likeness.Sketch.from_bytes(bytes(source.sketch)) if source.sketch else None
    if sketch is not None:
        sighting.sketch = sketch.to_bytes()
    check_row(sighting, "sighting")
    try:
        with transaction.atomic():
            sighting.save()
    except IntegrityError:
        # Two at once: the same form twice, or two corrections of one sighting.
        if (earlier := _recorded_before(user, draft, check)) is not None:
            return earlier
        raise UsageError(
            "somebody else recorded this at the same moment", where="sighting", hint="look again"
        ) from None
    options = _write_options(sighting, draft.options, meant, source)
    before = source if "indicators" in keep else None
    indicators = _write_indicators(sighting, draft.indicators, before)
    proposing.note(sighting, options, indicators)
    return sighting


def row_of(user: User, draft: SightingDraft, team_id: int, **rotation: Any) -> Sighting:
    """Return the row of a sighting: neither key nor brand nor anything sealed, and not written.

    Raises
    ------
    UsageError
        If a field is not as it must be.
    """
    _require_sense(draft)
    site = read_site_address(draft.url) if draft.url else None
    return Sighting(
        ref=new_reference(Sighting.LETTER),
        team_id=team_id,
        recorder=user,
        observed_at=draft.observed_at,
        classification=[dict(one) for one in draft.classification],
        accounts=[asdict(account) for account in draft.accounts],
        url_index=index_of("url", site.canonical) if site else None,
        host_index=index_of("host", site.host) if site and site.host else None,
        wording_sha256=_sha256(draft.wording),
        page_text_hash=draft.page_hash,
        **{name: getattr(draft, name) for name in _COPIED},
        **rotation,
    )


def meant_by(draft: SightingDraft) -> list[Meaning | None]:
    """Return what the addresses of a draft's options mean; see `meaning_of`."""
    return [meaning_of(option, f"option {n}: ") for n, option in enumerate(draft.options, 1)]


def sketch_of(text: str) -> likeness.Sketch | None:
    """Return the sketch of a page's wording, where it is long enough for one."""
    made = likeness.sketch(text, index_of("likeness", "sketch"))
    return made if isinstance(made, likeness.Sketch) else None


def _require_sense(draft: SightingDraft) -> None:
    """Refuse what no single field's rule says."""
    if draft.observed_at > timezone.now() + _SLACK:
        raise UsageError("lies in the future", where="observed_at")
    if len(draft.options) > MOST_OPTIONS:
        raise UsageError(f"{len(draft.options)}; at most {MOST_OPTIONS}", where="options")
    if len(draft.indicators) > MOST_INDICATORS:
        raise UsageError(f"{len(draft.indicators)}; at most {MOST_INDICATORS}", where="indicators")
    if draft.hosting_country and not re.fullmatch("[A-Z]{2}", draft.hosting_country):
        raise UsageError("two letters, as in ISO 3166: NL", where="hosting_country")
    if draft.page_hash and not re.fullmatch("[0-9a-f]{64}", draft.page_hash):
        raise UsageError("64 hex digits", where="page_hash")
    for place, option in enumerate(draft.options, 1):
        for name in ("amount_min", "amount_max"):
            amount = getattr(option, name)
            if amount and not _AMOUNT.fullmatch(amount):
                raise UsageError(
                    "a number such as 20 or 0.0015, without separators",
                    where=f"option {place}: {name}",
                )


def _of_reading(reading: Reading) -> Meaning:
    """Return a reading as what an option means."""
    sure = None if reading.strength == "none" else True
    return Meaning(
        reading.chain, reading.network, reading.canonical, reading.kind, sure, reading.tag
    )


def brand_of(user: User, team_id: int, codename: str) -> Brand | None:
    """Return the team's brand of this codename; a new one where there is none."""
    codename = " ".join(codename.split())
    if not codename:
        return None
    brand: Brand | None = Brand.objects.filter(team_id=team_id, codename__iexact=codename).first()
    if brand is None:
        made = {"ref": new_reference(Brand.LETTER), "created_by": user}
        brand, _ = Brand.objects.get_or_create(team_id=team_id, codename=codename, defaults=made)
    return brand


def addresses_of(meant: Iterable[Meaning | None]) -> dict[tuple[str, str, str], Address]:
    """Return the rows of addresses; missing ones are made."""
    # In one order everywhere, so that two who make the same rows do not wait for each other.
    wanted = {(one.canonical, one.chain, one.network): one for one in meant if one is not None}
    if not wanted:
        return {}

    def there() -> dict[tuple[str, str, str], Address]:
        rows = Address.objects.filter(canonical__in={key[0] for key in wanted})
        return {(row.canonical, row.chain, row.network): row for row in rows}

    found = there()
    missing = [wanted[key] for key in sorted(wanted.keys() - found.keys())]
    if missing:
        Address.objects.bulk_create(
            [
                Address(
                    chain=one.chain, network=one.network, canonical=one.canonical, kind=one.kind
                )
                for one in missing
            ],
            ignore_conflicts=True,
        )
        found = there()
    return found


def _write_options(
    sighting: Sighting,
    drafts: Sequence[OptionDraft],
    meant: Sequence[Meaning | None],
    source: Sighting | None,
) -> list[PaymentOption]:
    """Write the options of a sighting, in two queries and those of new addresses."""
    addresses = addresses_of(meant)
    before = {}
    if source is not None and any(draft.contact_of is not None for draft in drafts):
        before = {option.position: option for option in source.options.all()}
    rows = []
    for position, (draft, means) in enumerate(zip(drafts, meant, strict=True)):
        if not draft.contact and draft.contact_of in before:
            kept = before[draft.contact_of]
            draft = replace(  # noqa: PLW2901
                draft, contact=kept.unseal("contact"), contact_kind=kept.contact_kind
            )
        row = option_row(draft, means, sighting, position)
        row.address = addresses[means.canonical, means.chain, means.network] if means else None
        row.seal("contact", draft.contact)
        check_row(row, f"option {position + 1}")
        rows.append(row)
    KnownAddress.objects.note(sighting.team_id, addresses.values())
    return PaymentOption.objects.bulk_create(rows)


def option_row(
    draft: OptionDraft, means: Meaning | None, sighting: Sighting, position: int
) -> PaymentOption:
    """Return the row of an option: no address, nothing sealed, and not written."""
    copied = {name: getattr(draft, name) for name in _OPTION_COPIED}
    if means is not None:
        copied["memo"] = draft.memo or means.tag
    contact = draft.contact
    return PaymentOption(
        team_id=sighting.team_id,
        sighting=sighting,
        position=position,
        key_id=sighting.key_id,
        address_shown=draft.address_shown or draft.address,
        checksum_ok=means.checksum_ok if means else None,
        uri_parameters=dict(draft.uri_parameters),
        contact_index=index_of("contact", canonical_contact(contact)) if contact else None,
        **copied,
    )


def _write_indicators(
    sighting: Sighting, drafts: Sequence[IndicatorDraft], source: Sighting | None
) -> list[Indicator]:
    """Write the indicators of a sighting, or take over those of the one before."""
    if not drafts and source is not None:
        drafts = [
            IndicatorDraft(
                kind=old.kind,
                value=old.unseal("value"),
                place=old.place,
                start=old.start,
                end=old.end,
                set_aside=old.set_aside,
            )
            for old in source.indicators.all()
        ]
    rows = []
    for place, draft in enumerate(drafts, 1):
        row = Indicator(
            sighting=sighting,
            key_id=sighting.key_id,
            kind=draft.kind,
            value_index=indicator_key(draft.kind, draft.value, settings.HOME.key("index")),
            place=draft.place[:120],
            start=draft.start,
            end=draft.end,
            set_aside=draft.set_aside,
        )
        row.seal("value", draft.value)
        check_row(row, f"indicator {place}")
        rows.append(row)
    return Indicator.objects.bulk_create(rows, batch_size=500)


def _keep_indexes(sighting: Sighting, source: Sighting, name: str) -> None:
    """Take over what is found of a sealed field that is kept."""
    kept = {"url": ("url_index", "host_index"), "wording": ("wording_sha256", "wording_language")}
    for field in kept.get(name, ()):
        setattr(sighting, field, getattr(sighting, field) or getattr(source, field))


def check_row(row: models.Model, where: str) -> None:
    """Hold each text of a row against its length and its words."""
    fields = row._meta.fields
    skipped = {field.name for field in fields if not isinstance(field, models.CharField)}
    try:
        row.clean_fields(exclude=skipped)
    except ValidationError as error:
        name, found = next(iter(error.error_dict.items()))
        # Django's own message of a wrong word repeats it, and it may be of another column.
        field: Any = row._meta.get_field(name)
        known = [str(word) for word, _ in field.choices or ()]
        wrong = found[0].code == "invalid_choice"
        message = f"is none of: {', '.join(known)}" if wrong else found[0].messages[0]
        raise UsageError(message, where=f"{where}: {name}") from None


def _sha256(text: str) -> str:
    """Return SHA-256 of a text, empty of an empty one."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""
