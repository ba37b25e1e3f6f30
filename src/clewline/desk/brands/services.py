"""Every change around brands: brands and groups by codename, and judgements, which are a ledger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db import transaction

from clewline.desk.accounts.models import Team, User
from clewline.desk.brands.derived import pair_of
from clewline.desk.brands.parts import around, pages_of
from clewline.desk.ledger import index_of, new_reference
from clewline.desk.records.models import Brand, Group, Judgement, Sighting
from clewline.desk.records.plain_text import require_text
from clewline.errors import UsageError
from clewline.intake.sameness import Reason

VERDICTS: Final = ("same", "different", "unsure")
LONGEST_NOTE: Final = 400
LONGEST_CODENAME: Final = 60

Side = Brand | Sighting | Group


@transaction.atomic
def judge(
    user: User,
    kind: str,
    left: Side,
    right: Side,
    verdict: str,
    *,
    reasons: Iterable[Reason] = (),
    looked_at: Iterable[Sighting] = (),
    note: str = "",
) -> Judgement:
    """Write down whether two are one brand, or belong to one group.

    A sighting stands for its page, with all refreshes and corrections. Judging again supersedes.

    Parameters
    ----------
    user : User
        Who judges.
    kind : str
        ``brand``: two brands, two pages, or a page and a brand. ``group``: two brands, or a brand
        and a group.
    left, right : Brand, Sighting or Group
        Of one team; which is left does not matter.
    verdict : str
        ``same``, ``different`` or ``unsure``.
    reasons : iterable of Reason
        What the person was shown; no matched value is kept.
    looked_at : iterable of Sighting
        What they looked at.
    note : str
        Why, in their words.

    Raises
    ------
    UsageError
        If the two cannot be judged so, or are not of one team of the person's.
    DataError
        If the note holds media or binary.
    """
    if verdict not in VERDICTS:
        raise UsageError(f"one of: {', '.join(VERDICTS)}", where="verdict")
    if left.team_id != right.team_id or left.team_id not in user.team_ids:
        raise UsageError("two records of one team of yours are judged", where="pair")
    if len(note) > LONGEST_NOTE:
        raise UsageError(f"at most {LONGEST_NOTE} characters", where="note")
    require_text(note, "note")
    pair = pair_of(_named(left), _named(right))
    letters = {one[0] for one in pair}
    if pair[0] == pair[1] or letters not in _JUDGED.get(kind, ()):
        raise UsageError(f"{pair[0]} and {pair[1]} are nothing to judge as one {kind}")
    made: Judgement = Judgement.objects.create(
        team_id=left.team_id,
        kind=kind,
        left=pair[0],
        right=pair[1],
        verdict=verdict,
        reasons=[
            {"kind": one.kind, "strength": str(one.strength), "detail": one.detail}
            for one in reasons
        ],
        looked_at=[one.ref for one in looked_at],
        note=note,
        by=user,
    )
    return made


_JUDGED: Final = {"brand": ({"B"}, {"S"}, {"B", "S"}), "group": ({"B"}, {"B", "G"})}


@transaction.atomic
def assign(user: User, sighting: Sighting, brand: Brand, note: str = "") -> Judgement:
    """Say that the page of a sighting is of a brand, and so no longer of those it was of.

    Each is a judgement: the new brand *same*, the brand that the recorder named and every other one
    that the page was said to be of *different*.

    Raises
    ------
    UsageError, DataError
        As `judge`.
    """
    page = _named(sighting)
    ledger = around(sighting.team_id, "brand", {page})
    before = {
        other
        for pair, verdict in ledger.said.items()
        if verdict == "same" and page in pair
        for other in pair
        if other[0] == Brand.LETTER
    }
    if sighting.brand is not None and ledger.verdict(page, sighting.brand.ref) != "different":
        before.add(sighting.brand.ref)
    for one in Brand.objects.filter(ref__in=before - {brand.ref}).order_by("id"):
        judge(user, "brand", sighting, one, "different", looked_at=[sighting], note=note)
    return judge(user, "brand", sighting, brand, "same", looked_at=[sighting], note=note)


@transaction.atomic
def create_brand(user: User, team: Team, codename: str, name: str = "") -> Brand:
    """Make a brand under a codename; its real name, if it is known, is sealed.

    Raises
    ------
    UsageError
        If the team is none of theirs, or has a brand of that codename.
    DataError
        If a text holds media or binary.
    """
    codename = _codename(user, team, codename)
    require_text(name, "name")
    if Brand.objects.filter(team=team, codename__iexact=codename).exists():
        raise UsageError("your team has a brand of that codename", where="codename")
    brand = Brand(ref=new_reference(Brand.LETTER), team=team, codename=codename, created_by=user)
    brand.name_index = index_of("brand", " ".join(name.casefold().split())) if name else None
    brand.seal("name", name)
    brand.save()
    return brand


@transaction.atomic
def create_group(user: User, brand: Brand, codename: str, note: str = "") -> Group:
    """Make a group under a codename, with its first brand.

    Raises
    ------
    UsageError, DataError
        As `create_brand` and `judge`.
    """
    codename = _codename(user, brand.team, codename)
    if Group.objects.filter(team=brand.team, codename__iexact=codename).exists():
        raise UsageError("your team has a group of that codename", where="codename")
    group: Group = Group.objects.create(team=brand.team, codename=codename, created_by=user)
    judge(user, "group", brand, group, "same", note=note)
    return group


def _codename(user: User, team: Team, codename: str) -> str:
    """Return a codename as it is kept."""
    if team.pk not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    codename = " ".join(codename.split())
    require_text(codename, "codename")
    if not 1 <= len(codename) <= LONGEST_CODENAME:
        raise UsageError(f"1 to {LONGEST_CODENAME} characters", where="codename")
    return codename


def _named(side: Side) -> str:
    """Return what names a side in the ledger; a sighting is named by the first one of its page."""
    named: Any = pages_of([side])[side.rotation] if isinstance(side, Sighting) else side.ref
    return str(named)
