"""Brands by codename, and judgements of what is one brand or group. Names are sealed, not here."""

from __future__ import annotations

from django.db.models import Q
from ninja import Router, Status

from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    BrandIn,
    BrandOut,
    BrandsOut,
    JudgementIn,
    JudgementOut,
    Limit,
    Ref,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.brands import services
from clewline.desk.door import DeskRequest, take
from clewline.desk.records.models import Brand, Group, Judgement, Sighting

router = Router(tags=["brands"])


@router.get("/brands", response={200: BrandsOut, **OF_ONE})
@scope("brand.list")
def brands(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> BrandsOut:
    """List brands of one's teams by reference, behind the one called `after`."""
    found = Brand.objects.visible_to(request.user).select_related("team").order_by("ref")
    rows = list(found.filter(ref__gt=after)[: limit + 1])
    more = rows[limit - 1].ref if len(rows) > limit else None
    return BrandsOut(items=[_out(row) for row in rows[:limit]], next=more)


@router.post("/brands", response={201: BrandOut, **ERRORS})
@scope("brand.create")
def create(request: DeskRequest, asked: BrandIn) -> Status[BrandOut]:
    """Make a brand."""
    team = own_team(request, asked.team)
    made = services.create_brand(request.user, team, asked.codename, asked.name)
    request.audit_object = made.ref
    return Status(201, _out(made))


@router.get("/brands/{ref}", response={200: BrandOut, **OF_ONE})
@scope("brand.read")
def brand(request: DeskRequest, ref: Ref) -> BrandOut:
    """Read a brand and what was judged of it, oldest first."""
    found = take(request, Brand, ref)
    judged = Judgement.objects.visible_to(request.user).filter(Q(left=ref) | Q(right=ref))
    return _out(found, *judged.select_related("by").order_by("id"))


@router.post("/judgements", response={201: JudgementOut, **OF_ONE})
@scope("brand.judge")
def judge(request: DeskRequest, asked: JudgementIn) -> Status[JudgementOut]:
    """Judge whether two are one brand, or belong to one group."""
    left, right = _side(request, asked.left), _side(request, asked.right)
    request.audit_object = f"{asked.left} {asked.right}"
    made = services.judge(request.user, asked.kind, left, right, asked.verdict, note=asked.note)
    return Status(201, _judgement(made))


def _side(request: DeskRequest, ref: str) -> services.Side:
    """Return what a reference names, as something that is judged."""
    if ref.startswith(Brand.LETTER):
        return take(request, Brand, ref)
    return (
        take(request, Group, ref) if ref.startswith(Group.LETTER) else take(request, Sighting, ref)
    )


def _out(row: Brand, *judged: Judgement) -> BrandOut:
    """Return a brand as an answer."""
    return BrandOut(
        ref=row.ref,
        codename=row.codename,
        team=row.team.name,
        created_at=row.created_at,
        judgements=[_judgement(one) for one in judged],
    )


def _judgement(row: Judgement) -> JudgementOut:
    """Return a judgement as an answer."""
    same = set(JudgementOut.model_fields) - {"by"}
    return JudgementOut(by=row.by.pseudonym, **{name: getattr(row, name) for name in same})
