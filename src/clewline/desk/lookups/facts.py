"""What a team's records say of an identifier, each record by itself with its own markings.

One decision a record, and an answer made of what was released alone: so a record that is withheld
changes nothing of what is told about the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from clewline import vocab
from clewline.desk.queue.items import key_of
from clewline.desk.received.queries import givers_of_addresses, givers_of_sightings
from clewline.desk.records.models import (
    Address,
    AddressStatus,
    Attribution,
    PaymentOption,
    Sighting,
)
from clewline.desk.search.reading import Question
from clewline.policy import FIELDS, Decision, Record
from clewline.policy.model import level


@dataclass(frozen=True)
class Fact:
    """One record about one identifier.

    Attributes
    ----------
    source : str
        Reference of the sighting, or what else it is from.
    record : Record
        What a policy needs to know of it.
    values : mapping of str to str
        What there is to tell, by field.
    sighting, address : int or None
        Keys of what it rests on.
    """

    source: str
    record: Record
    values: dict[str, str]
    sighting: int | None = None
    address: int | None = None


@dataclass
class Item:
    """What would be told of one identifier."""

    fields: dict[str, list[str]] = field(default_factory=dict)

    def add(self, fact: Fact, decision: Decision) -> None:
        """Take in what was released of a fact."""
        for name in decision.released:
            kept = self.fields.setdefault(name, [])
            if name == "sightings":
                self.fields[name] = [str(int(kept[0] if kept else 0) + 1)]
            elif fact.values[name] not in kept:
                self.fields[name] = _narrowed(name, sorted({*kept, fact.values[name]}))

    def ordered(self) -> dict[str, str | list[str]]:
        """Return the fields in their order; one value stands by itself."""
        found = {name: self.fields[name] for name in FIELDS if name in self.fields}
        return {name: said[0] if len(said) == 1 else said for name, said in found.items()}


def _narrowed(name: str, said: list[str]) -> list[str]:
    """Keep of times the first or the last, of markings the strictest."""
    if name == "first_seen":
        return said[:1]
    if name == "last_seen":
        return said[-1:]
    if name == "markings":
        return [max(said, key=lambda text: [level("tlp", _word(part)) for part in text.split()])]
    return said


def _word(part: str) -> str:
    """Return the word of a marking such as ``TLP:AMBER+STRICT``."""
    return part.partition(":")[2].lower().replace("+", "_")


def facts_of(team_id: int, question: Question) -> list[Fact]:
    """Return what a team knows of an identifier, each with the partner that gave it, if one did."""
    found = _facts_of(team_id, question)
    of_sightings = givers_of_sightings([one.sighting for one in found if one.sighting])
    labels = [one.address for one in found if one.address and not one.sighting]
    of_addresses = givers_of_addresses(team_id, labels)
    return [
        replace(
            one,
            record=replace(
                one.record,
                originator=of_sightings.get(one.sighting, "")
                if one.sighting
                else of_addresses.get(one.address or 0, ""),
            ),
        )
        for one in found
    ]


def _facts_of(team_id: int, question: Question) -> list[Fact]:
    """Return what a team knows of an identifier; the same statements whatever that is."""
    if question.readings:
        return _of_address(team_id, question)
    if question.contact is not None:
        options = _options(team_id).filter(contact_index=question.contact)
        return [_of_sighting("contact", one.sighting, option=one) for one in options]
    if question.site:
        pages = Sighting.objects.filter(team=team_id, url_index__in=question.site).standing()
        return [_of_sighting("site", one) for one in pages.select_related("brand")]
    # Transactions stand in cases alone, and cases are for their members.
    return []


def _options(team_id: int) -> Any:
    """Return the options of a team's sightings that stand."""
    found = PaymentOption.objects.filter(team=team_id).standing()
    return found.select_related("sighting__brand", "address").order_by("id")


def _of_address(team_id: int, question: Question) -> list[Fact]:
    """Return sightings and attributions of an address; the last word on its status counts."""
    keys = {(one.chain, one.network, one.canonical) for one in question.readings}
    names = [one.canonical for one in question.readings]
    status: dict[int, str] = {}
    said = AddressStatus.objects.filter(team=team_id, address__canonical__in=names)
    for address, word in said.order_by("id").values_list("address", "status"):
        status[address] = word
    labels = Attribution.objects.filter(
        team=team_id, address__canonical__in=names, superseded_by__isnull=True
    )
    rows = list(labels.select_related("address").order_by("id"))
    held = {row.address_id for row in rows if row.obtained == "authority"}

    def fact(address: Address, made: Fact) -> Fact:
        word = status.get(address.pk, "active")
        standing = "control" if address.pk in held else "mention"
        values = {
            **made.values,
            "address": address.canonical,
            "chain": f"{address.chain} {address.network}",
            "status": vocab.words("address_status")[word],
            "standing": "control established" if standing == "control" else "mention",
        }
        return _fact(made.source, values, made.record, address.pk, made.sighting, word, standing)

    found = [
        fact(one.address, _of_sighting("address", one.sighting, option=one))
        for one in _options(team_id).filter(address__canonical__in=names)
        if (one.address.chain, one.address.network, one.address.canonical) in keys
    ]
    found += [
        fact(row.address, _of_label(row))
        for row in rows
        if (row.address.chain, row.address.network, row.address.canonical) in keys
    ]
    return found


def _fact(
    source: str,
    values: dict[str, str],
    record: Record,
    address: int | None = None,
    sighting: int | None = None,
    status: str = "active",
    standing: str = "mention",
) -> Fact:
    """Make a fact of what is there."""
    kept = {name: text for name, text in values.items() if text}
    settled = Record(
        kind=record.kind,
        fields=frozenset(kept),
        tlp=record.tlp,
        pap=record.pap,
        source_grade=record.source_grade,
        info_grade=record.info_grade,
        handling=record.handling,
        owner=record.owner,
        status=status,
        standing=standing,
    )
    return Fact(source, settled, kept, sighting, address)


def _of_sighting(kind: str, one: Sighting, option: PaymentOption | None = None) -> Fact:
    """Return what a sighting says. Of what is sealed it only says that it is there."""
    seen = one.observed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    values = {
        "first_seen": seen,
        "last_seen": seen,
        "sightings": "1",
        "grade": f"{one.source_grade}{one.info_grade}",
        "brand": one.brand.codename if one.brand else "",
        "classification": "; ".join(map(_classified, one.classification)),
        "hosting_country": one.hosting_country,
        "location_kind": _title("location_kind", one.location_kind),
        "report_ref": one.report_ref,
        "markings": " ".join(
            filter(None, (_title("tlp", one.tlp), _title("pap", one.pap), one.handling))
        ),
    }
    if option is not None:
        price = " to ".join(dict.fromkeys(filter(None, (option.amount_min, option.amount_max))))
        period = _title("period", option.period)
        values |= {
            "rail": _title("rail", option.rail),
            "processor": option.processor,
            "price": " ".join(filter(None, (price, option.price_currency, period))),
        }
    record = Record(
        kind,
        frozenset(),
        tlp=one.tlp,
        pap=one.pap,
        source_grade=one.source_grade,
        info_grade=one.info_grade,
        handling=frozenset(filter(None, (one.handling,))),
        owner=str(one.team_id),
    )
    return _fact(one.ref, values, record, sighting=one.pk)


def _of_label(row: Attribution) -> Fact:
    """Return what somebody says of an address; it bears no markings, so the default ones."""
    category = vocab.categories().get(row.category)
    values = {
        "label": f"{row.label} ({row.source})",
        "category": category.title if category else row.category,
        "custody": _title("custody", row.custody),
    }
    return _fact(
        key_of("label", row.pk), values, Record("address", frozenset(), owner=str(row.team_id))
    )


def _title(name: str, word: str) -> str:
    """Return a word as people read it."""
    return vocab.words(name).get(word, word)


def _classified(one: Any) -> str:
    """Return scheme, version and label of one classification."""
    said: Iterable[Any] = one.values() if isinstance(one, dict) else (one,)
    return " ".join(str(part) for part in said)


def moment(when: datetime) -> str:
    """Write a time of an answer."""
    return when.astimezone(UTC).isoformat(timespec="seconds")
