"""What somebody's teams and cases know of what was asked.

The same statements run whatever the answer is: each asks for what the person may know of, in one
step, so that what others know neither shows in an answer nor in the time that it takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Case as InOrder
from django.db.models import CharField, Count, F, Max, Min, Q, QuerySet, When
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext

from clewline import vocab
from clewline.desk import chain_store
from clewline.desk.begins import Begins, InIndexOrder
from clewline.desk.cases.models import Case, Link
from clewline.desk.chain_store import FromChain
from clewline.desk.records.models import (
    AddressStatus,
    Attribution,
    Brand,
    Group,
    KnownAddress,
    PaymentOption,
    Sighting,
)
from clewline.desk.search.reading import Question
from clewline.intake import Reading

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

CharField.register_lookup(Begins)

MOST_LISTED: Final = 50
"""Rows of one kind that a page lists; how many more there are is not counted."""
_PREFIX_BYTES: Final = 10
_AT_ONCE: Final = 200


@dataclass(frozen=True)
class Tally:
    """Sightings that stand, as counted for one thing."""

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True)
class Hit:
    """One thing that was found.

    Attributes
    ----------
    kind : str
        address, sighting, brand, group, case, site, contact, report, transaction.
    name : str
        What it is called: canonical address, reference, codename, fingerprint.
    note : str
        What it is, in a few words: chain and kind of an address, reference of a brand.
    href : str
        Its page; empty where there is none.
    tally : Tally
        Sightings of it.
    brands, labels, cases : tuple of str
        Codenames; labels with their source; cases that the person is a member of.
    status : str
        Of an address: active, disputed, withdrawn; empty where nobody said.
    chain : FromChain
        What the chain store says.
    """

    kind: str
    name: str
    note: str = ""
    href: str = ""
    tally: Tally = Tally()
    brands: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    status: str = ""
    chain: FromChain = chain_store.NONE

    @property
    def known(self) -> bool:
        """Whether the person's teams or cases know something of it."""
        return bool(self.tally.count or self.labels or self.cases or self.status)


@dataclass(frozen=True)
class Answer:
    """One question with what was found: first what is known, then what is only on the chain."""

    question: Question
    hits: tuple[Hit, ...]

    @property
    def known(self) -> bool:
        """Whether anything is known of what was asked."""
        return any(hit.known or hit.kind not in ("address", "transaction") for hit in self.hits)


_Key = tuple[str, str, str]


def answer(user: User, questions: Sequence[Question]) -> list[Answer]:
    """Return what `user` may know of each of some questions, in their order."""
    hits: dict[int, list[Hit]] = defaultdict(list)
    for look in (_addresses, _transactions, _references, _sites, _contacts, _words):
        for place, hit in look(user, questions):
            hits[place].append(hit)
    return [Answer(question, tuple(hits[place])) for place, question in enumerate(questions)]


def _asking(questions: Sequence[Question], field: str) -> dict[Any, list[int]]:
    """Return the values of a field of the questions, each with the places that ask for it."""
    places: dict[Any, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        value = getattr(question, field)
        for one in value if isinstance(value, tuple) else [value]:
            if one:
                places[one].append(place)
    return places


def _addresses(user: User, questions: Sequence[Question]) -> Iterable[tuple[int, Hit]]:
    """Find addresses in any form, and by their beginning."""
    asked = _asking(questions, "canonicals")
    beginnings = _asking(questions, "beginnings")
    if not asked and not beginnings:
        return
    begun: dict[_Key, list[int]] = defaultdict(list)
    if beginnings:
        for row in _beginning_with(user, list(beginnings)):
            for beginning, places in beginnings.items():
                if row[2].startswith(beginning):
                    begun[row].extend(places)
    names = list(dict.fromkeys((*asked, *(key[2] for key in begun))))
    known = known_of(user, names)
    read = {
        (one.chain, one.network, one.canonical): one
        for question in questions
        for one in question.readings
    }
    keys = list(dict.fromkeys((*known, *read)))
    from_chain = dict(zip(keys, chain_store.of_addresses(keys), strict=True))
    for key in keys:
        chain, network, canonical = key
        hit = replace(
            known.get(key, Hit("address", canonical)),
            note=_note(chain, network, read.get(key)),
            href=reverse("address", args=key),
            chain=from_chain[key],
        )
        if not hit.known and hit.chain.state != "found":
            continue
        for place in dict.fromkeys((*asked.get(canonical, ()), *begun.get(key, ()))):
            yield place, hit


def _note(chain: str, network: str, reading: Reading | None) -> str:
    """Say of which chain an address is, of which kind, and with which tag it was asked."""
    words = [f"{chain} ({network})" if chain else gettext("as shown, no right checksum")]
    if reading is not None:
        words += [reading.kind] + ([f"tag {reading.tag}"] if reading.tag else [])
    return ", ".join(words)


def known_of(user: User, names: Sequence[str]) -> dict[_Key, Hit]:
    """Return what is known of addresses with these canonical forms, whatever their chain.

    Parameters
    ----------
    user : User
        Who asks: records of their teams, cases that they are a member of.
    names : sequence of str
        Canonical forms; none that nothing is known of is in the answer.
    """
    options = PaymentOption.objects.visible_to(user).standing().filter(address__canonical__in=names)
    key = ("address__chain", "address__network", "address__canonical")
    found: dict[_Key, Hit] = {}

    def at(row: Any) -> tuple[_Key, Hit]:
        where: _Key = (row[0], row[1], row[2])
        return where, found.get(where, Hit("address", row[2]))

    counted = options.values_list(*key).annotate(
        Count("sighting", distinct=True), Min("sighting__observed_at"), Max("sighting__observed_at")
    )
    for row in counted.order_by(*key):
        where, hit = at(row)
        found[where] = replace(hit, tally=Tally(*row[3:]))
    brands = options.filter(sighting__brand__isnull=False).values_list(
        *key, "sighting__brand__codename"
    )
    for row in brands.distinct().order_by(*key, "sighting__brand__codename"):
        where, hit = at(row)
        found[where] = replace(hit, brands=(*hit.brands, row[3]))
    labels = Attribution.objects.visible_to(user).filter(
        address__canonical__in=names, superseded_by__isnull=True
    )
    # Those about child protection first, whatever came before.
    first = InOrder(When(category__in=_child_protection(), then=0), default=1)
    for row in labels.values_list(*key, "label", "source").order_by(*key, first, "id"):
        where, hit = at(row)
        found[where] = replace(hit, labels=(*hit.labels, f"{row[3]} ({row[4]})"))
    statuses = AddressStatus.objects.visible_to(user).filter(address__canonical__in=names)
    for row in statuses.values_list(*key, "status").order_by(*key, "id"):
        where, hit = at(row)
        found[where] = replace(hit, status=row[3])
    links = Link.objects.visible_to(user).filter(address__canonical__in=names)
    for row in (
        links.values_list(*key, "case__codename").distinct().order_by(*key, "case__codename")
    ):
        where, hit = at(row)
        found[where] = replace(hit, cases=(*hit.cases, row[3]))
    return found


def _child_protection() -> list[str]:
    """Return the categories of labels that stand before all others."""
    return [word.id for word in vocab.categories().values() if word.child_protection]


def _beginning_with(user: User, beginnings: Sequence[str]) -> list[_Key]:
    """Return addresses that the user's teams or cases know of and that begin so; a capped list."""
    found: set[_Key] = set()
    key = ("address__chain", "address__network", "address__canonical")
    for beginning in beginnings:
        known = KnownAddress.objects.visible_to(user).filter(canonical__begins=beginning)
        linked = Link.objects.visible_to(user).filter(address__canonical__begins=beginning)
        # The few first, and then their chains: not the chains of all that begin so.
        first = known.order_by(InIndexOrder(F("canonical"))).values("pk")[:MOST_LISTED]
        few = KnownAddress.objects.filter(pk__in=first)
        for rows in (few, linked.order_by("address__canonical")):
            found.update(rows.values_list(*key)[:MOST_LISTED])
    return sorted(found, key=lambda one: one[2])[:MOST_LISTED]


def _transactions(user: User, questions: Sequence[Question]) -> Iterable[tuple[int, Hit]]:
    """Find transaction ids in cases and on the chain, and pages by the hash of their text."""
    asked = _asking(questions, "txid")
    if not asked:
        return
    linked: dict[str, list[str]] = defaultdict(list)
    links = Link.objects.visible_to(user).filter(txid__in=list(asked))
    for txid, codename in links.values_list("txid", "case__codename").distinct():
        linked[txid].append(codename)
    for txid, places in asked.items():
        hit = Hit(
            "transaction",
            txid,
            cases=tuple(sorted(linked[txid])),
            chain=chain_store.of_transaction(txid),
        )
        if hit.known or hit.chain.state == "found":
            yield from ((place, hit) for place in places)
    pages = Sighting.objects.visible_to(user).filter(page_text_hash__in=list(asked))
    for page in _newest(pages):
        yield from ((place, _sighting(page)) for place in asked[page.page_text_hash])


def _references(user: User, questions: Sequence[Question]) -> Iterable[tuple[int, Hit]]:
    """Find records by their reference."""
    asked = _asking(questions, "reference")
    if not asked:
        return
    refs = list(asked)
    for sighting in _newest(Sighting.objects.visible_to(user).filter(ref__in=refs), len(refs)):
        yield from ((place, _sighting(sighting)) for place in asked[sighting.ref])
    for kind, model in (("brand", Brand), ("group", Group), ("case", Case)):
        for row in model.objects.visible_to(user).filter(ref__in=refs).order_by("codename", "id"):
            yield from ((place, _named(kind, row)) for place in asked[row.ref])


def _sites(user: User, questions: Sequence[Question]) -> Iterable[tuple[int, Hit]]:
    """Find pages by the keyed index of their address, of its host, or by a fingerprint."""
    asked, hosts = _asking(questions, "site"), _asking(questions, "host")
    prefixes = [one for one in asked if len(one) == _PREFIX_BYTES]
    whole = [one for one in asked if len(one) != _PREFIX_BYTES]
    mine = Sighting.objects.visible_to(user).standing()
    for first in range(0, len(prefixes), _AT_ONCE):
        begun = Q()
        for prefix in prefixes[first : first + _AT_ONCE]:
            begun |= Q(url_index__gte=prefix, url_index__lte=prefix + b"\xff" * 6)
        for sighting in _newest(mine.filter(begun)):
            for place in asked[bytes(sighting.url_index or b"")[:_PREFIX_BYTES]]:
                yield place, _sighting(sighting)
    for field, wanted, kind in (
        ("url_index", {one: asked[one] for one in whole}, "site"),
        ("host_index", hosts, "host"),
    ):
        if not wanted:
            continue
        rows = mine.filter(**{f"{field}__in": list(wanted)})
        yield from _tallied(rows, field, wanted, kind)
        if len(questions) == 1 and kind == "site":
            for sighting in _newest(rows):
                for place in wanted[bytes(sighting.url_index or b"")]:
                    yield place, _sighting(sighting)


def _contacts(user: User, questions: Sequence[Question]) -> Iterable[tuple[int, Hit]]:
    """Find sightings by the keyed index of a contact that they show."""
    asked = _asking(questions, "contact")
    if not asked:
        return
    rows = PaymentOption.objects.visible_to(user).standing().filter(contact_index__in=list(asked))
    yield from _tallied(rows, "contact_index", asked, "contact", through="sighting__")
    if len(questions) == 1:
        shown = Sighting.objects.filter(pk__in=rows.values("sighting"))
        for sighting in _newest(shown):
            yield 0, _sighting(sighting)


def _tallied(
    rows: QuerySet[Any],
    field: str,
    wanted: dict[bytes, list[int]],
    kind: str,
    through: str = "",
) -> Iterable[tuple[int, Hit]]:
    """Count the sightings of each keyed index, and name their brands."""
    one = through.rstrip("_") or "pk"
    counted = rows.values_list(field).annotate(
        Count(one, distinct=True), Min(f"{through}observed_at"), Max(f"{through}observed_at")
    )
    named: dict[bytes, list[str]] = defaultdict(list)
    brand = f"{through}brand__codename"
    for index, codename in rows.values_list(field, brand).distinct().order_by(brand):
        if codename is not None:
            named[bytes(index)].append(codename)
    for index, *tally in counted.order_by(field):
        key = bytes(index)
        for place in wanted[key]:
            yield place, Hit(kind, "", tally=Tally(*tally), brands=tuple(named[key]))


def _words(user: User, questions: Sequence[Question]) -> Iterable[tuple[int, Hit]]:
    """Find codenames by their beginning (a list: whole ones) and report numbers."""
    asked = _asking(questions, "word")
    if not asked:
        return
    folded: dict[str, list[int]] = defaultdict(list)
    for word, places in asked.items():
        folded[word.casefold()].extend(places)
    alone = len(questions) == 1
    for kind, model in (("brand", Brand), ("group", Group), ("case", Case)):
        rows = model.objects.visible_to(user).annotate(folded=Lower("codename"))
        # SQLite folds ASCII alone; what else it leaves is compared as it stands.
        word = next(iter(asked))
        rows = rows.filter(codename__istartswith=word) if alone else rows.filter(folded__in=folded)
        for row in rows.order_by("codename", "id")[: MOST_LISTED * len(questions)]:
            for place in [0] if alone else folded[row.codename.casefold()]:
                yield place, _named(kind, row)
    reports = Sighting.objects.visible_to(user).standing().filter(report_ref__in=list(asked))
    for sighting in _newest(reports, MOST_LISTED * len(questions)):
        yield from ((place, _sighting(sighting)) for place in asked[sighting.report_ref])


def _newest(rows: QuerySet[Any], most: int = MOST_LISTED) -> Iterable[Sighting]:
    """Return the newest of some sightings, with their brands."""
    return rows.select_related("brand").order_by("-observed_at", "-id")[:most]


def _sighting(sighting: Sighting) -> Hit:
    """Describe a sighting."""
    seen = sighting.observed_at
    return Hit(
        "sighting",
        sighting.ref,
        note=sighting.neutral_summary,
        href=reverse("sighting", args=[sighting.ref]),
        tally=Tally(1, seen, seen),
        brands=(sighting.brand.codename,) if sighting.brand else (),
    )


def _named(kind: str, row: Any) -> Hit:
    """Describe a brand, a group or a case."""
    href = reverse("case", args=[row.ref]) if kind == "case" else ""
    return Hit(kind, row.codename, note=row.ref, href=href)
