"""Figures of one's teams, and those that were published."""

from __future__ import annotations

from typing import Annotated

from ninja import Router, Status
from pydantic import Field

from clewline.desk.accounts.models import Team
from clewline.desk.api.schemas import OF_ONE, FiguresOut, MeasureOut, PublishIn, Ref, Short
from clewline.desk.api.teams import named_team
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.figures import services
from clewline.desk.figures.models import FigureSet

router = Router(tags=["figures"])
CommonYear = Annotated[int, Field(ge=1970, le=9998)]


@router.get("/figures/{year}", response={200: FiguresOut, **OF_ONE})
@scope("figures.read")
def figures(request: DeskRequest, year: CommonYear, team: Short = "") -> FiguresOut:
    """Count a year of all one's teams, or of one; nothing is withheld: not for giving out."""
    teams = _teams(request, team)
    found = services.require_counted(teams, year)
    return FiguresOut(ref=None, year=year, counted_at=found.at, figures=_measures(found.figures))


@router.post("/figures/{year}/publish", response={201: FiguresOut, **OF_ONE})
@scope("figures.publish")
def publish(
    request: DeskRequest, year: CommonYear, asked: PublishIn, team: Short = ""
) -> Status[FiguresOut]:
    """Keep a year as published; it supersedes what was published of it before."""
    made = services.publish(request.user, _teams(request, team), year, asked.note)
    request.audit_object = made.ref
    return Status(201, _out(made))


@router.get("/published/{ref}", response={200: FiguresOut, **OF_ONE})
@scope("figures.read")
def published(request: DeskRequest, ref: Ref) -> FiguresOut:
    """Read what was published, in the words of then."""
    return _out(take(request, FigureSet, ref))


def _teams(request: DeskRequest, name: str) -> list[Team]:
    """Return the team that is named, or all one's teams."""
    named = named_team(request, name)
    return [named] if named else list(request.user.teams.all())


def _measures(figures: services.Figures) -> list[MeasureOut]:
    """Return figures as answers."""
    return [MeasureOut(**one) for one in figures]


def _out(made: FigureSet) -> FiguresOut:
    """Return published figures as an answer."""
    return FiguresOut(
        ref=made.ref, year=made.year, counted_at=made.counted_at, figures=_measures(made.figures)
    )
