"""The way of every package out of the desk: it waits, and goes at a tick of the clock.

Whoever releases a package writes down keyed indexes of what it names and learns nothing else: what
they ask touches no mark, so neither the answer nor its time depends on one. `tick` looks, apart
from every request, whether a package holds something that a team marked as its own, and warns that
team. A package waits `minutes`; then it opens, or is *held for review*: because a team was warned
and did not let it go, or by lot, one in eight, so that a hold says nothing. What is held opens
after `HELD`, unless a team objected: then it is refused. Each change happens at a tick.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from clewline.desk.audit import services as audit
from clewline.desk.ledger import index_of
from clewline.desk.ours.models import Mark, ReleaseCheck, ReleaseWarning
from clewline.errors import UsageError
from clewline.settings import value_of

if TYPE_CHECKING:
    from clewline.desk.accounts.models import Team

HELD: Final = timedelta(hours=24)
"""How long a package is held for review."""
_BYTES: Final = 16
_BY_LOT: Final = 32
"""Of 256 packages, how many are held though nothing is known of them."""


@dataclass(frozen=True)
class Release:
    """How far a package is: what whoever releases it sees, and all that they see.

    Attributes
    ----------
    state : str
        ``waiting``, ``held``, ``open``, ``refused``; ``none`` if nobody released it.
    since : datetime or None
        From when on.
    until : datetime or None
        When it will be looked at next, while it waits or is held.
    """

    state: str
    since: datetime | None = None
    until: datetime | None = None


def minutes() -> int:
    """Return how long every package waits."""
    return int(value_of("desk_release_minutes") or "30")


def indexes_of(names: Iterable[str]) -> set[bytes]:
    """Return the keyed indexes of outpoints, transactions and addresses."""
    return {index_of("ours", name.strip()) for name in names if name}


def cut(joined: bytes) -> set[bytes]:
    """Return the indexes that stand one after the other."""
    return {joined[place : place + _BYTES] for place in range(0, len(joined), _BYTES)}


def check_release(ref: str, team: Team, contents: Iterable[str]) -> ReleaseCheck:
    """Send a package on its way; call it where a package is released, in that transaction.

    Parameters
    ----------
    ref : str
        Reference of the package.
    team : Team
        Whose package it is.
    contents : iterable of str
        Every outpoint (``txid:index``), transaction and address that stands in it.

    Raises
    ------
    UsageError
        If this package is on its way already.
    """
    now = timezone.now()
    package, made = ReleaseCheck.objects.get_or_create(
        ref=ref,
        defaults={
            "team": team,
            "asked_at": now,
            "since": now,
            "opens_at": now + timedelta(minutes=minutes()),
            "contents": b"".join(sorted(indexes_of(contents))),
        },
    )
    if not made:
        raise UsageError("this package is on its way already", where=ref)
    return package


def release_of(ref: str) -> Release:
    """Return how far a package is."""
    package = ReleaseCheck.objects.filter(ref=ref).first()
    if package is None:
        return Release("none")
    until = {"waiting": package.opens_at, "held": package.held_until}.get(package.state)
    return Release(package.state, package.since, until)


def releases_of(refs: Iterable[str]) -> dict[str, Release]:
    """Return how far some packages are, by reference; one query."""
    return {
        one.ref: Release(
            one.state, one.since, {"waiting": one.opens_at, "held": one.held_until}.get(one.state)
        )
        for one in ReleaseCheck.objects.filter(ref__in=list(refs)).defer("contents")
    }


def require_open(ref: str, contents: Iterable[str]) -> None:
    """Let a package out only as it was checked.

    Raises
    ------
    UsageError
        If it is not open, or names by now what was not looked through.
    """
    package = ReleaseCheck.objects.filter(ref=ref).first()
    if package is None or package.state != "open":
        state = package.state if package else "not released"
        raise UsageError(f"this package is {state}", where=ref)
    if not indexes_of(contents) <= cut(bytes(package.contents)):
        raise UsageError("what it names changed since it was released: ask again", where=ref)


def tick(now: datetime | None = None) -> int:
    """Warn the owners of marks, and move every package on that is due; return how many moved."""
    now = now or timezone.now()
    under_way = list(ReleaseCheck.objects.filter(state__in=("waiting", "held")).order_by("pk"))
    if not under_way:
        return 0
    marks: dict[bytes, list[Mark]] = {}
    for mark in Mark.objects.standing().select_related("team"):
        for index in cut(bytes(mark.indexes)):
            marks.setdefault(index, []).append(mark)
    moved = 0
    for package in under_way:
        with transaction.atomic():
            _warn(package, marks, now)
            moved += _move(package, now)
    return moved


def _warn(package: ReleaseCheck, marks: dict[bytes, list[Mark]], now: datetime) -> None:
    """Tell each team once of a mark of theirs that a package holds."""
    held = cut(bytes(package.contents))
    found = {mark.pk: mark for index, some in marks.items() if index in held for mark in some}
    told = set(package.warnings.values_list("mark", flat=True))
    for pk in sorted(found.keys() - told):
        mark = found[pk]
        warning = ReleaseWarning.objects.create(team=mark.team, mark=mark, package=package, at=now)
        audit.write(actor="desk", action="ours.warn", object=warning.ref)


def _move(package: ReleaseCheck, now: datetime) -> int:
    """Take a package one step on if it is due; 1 if it moved."""
    answers = [one.last_answer for one in package.warnings.prefetch_related("answers")]
    objected = any(answer is not None and not answer.allows for answer in answers)
    if package.state == "waiting" and now >= package.opens_at:
        review = any(answer is None or not answer.allows for answer in answers)
        state = "held" if review or _by_lot(package.ref) else "open"
    elif package.state == "held" and package.held_until and now >= package.held_until:
        state = "refused" if objected else "open"
    else:
        return 0
    changed = ReleaseCheck.objects.filter(pk=package.pk, state=package.state).update(
        state=state, since=now, held_until=package.asked_at + HELD if state == "held" else None
    )
    if changed:
        audit.write(actor="desk", action=f"release.{state}", object=package.ref)
    return changed


def _by_lot(ref: str) -> bool:
    """Tell whether a package is held for review whatever is in it."""
    return index_of("release lot", ref)[0] < _BY_LOT
