"""Pages of figures: a year, its file, publishing, published years beside each other."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from clewline.desk.door import DeskRequest, door, take
from clewline.desk.figures import services
from clewline.desk.figures.chart import bars
from clewline.desk.figures.counting import years_with_sightings
from clewline.desk.figures.forms import PublishForm, ScopeForm
from clewline.desk.figures.measures import TOTAL
from clewline.desk.figures.models import FigureSet
from clewline.desk.figures.sheet import as_csv


@door("figures.read")
def figures(request: DeskRequest) -> HttpResponse:
    """Show the figures of a year."""
    form = _scope(request)
    teams, year = form.chosen()
    found = services.counted(teams, year)
    return render(request, "desk/figures/year.html", _page(request, form, found))


@door("figures.read", "POST", asks=lambda request: True)
def count(request: DeskRequest) -> HttpResponse:
    """Count a year again."""
    form = _scope(request)
    teams, year = form.chosen()
    services.counted(teams, year, anew=True)
    return redirect(_address(request))


@door("figures.export")
def download(request: DeskRequest) -> HttpResponse:
    """Hand out a year's figures as CSV, small counts withheld."""
    teams, year = _scope(request).chosen()
    found = services.require_counted(teams, year)
    request.audit_object = f"figures {year}"
    at = found.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _csv(as_csv(found.figures, year, settings.SMALLEST_COUNT, at), f"figures-{year}")


@door("figures.publish", "POST")
def publish(request: DeskRequest) -> HttpResponse:
    """Keep a year's figures as published."""
    teams, year = _scope(request).chosen()
    form = PublishForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The note has at most 400 characters."))
        return redirect(_address(request))
    made = services.publish(request.user, teams, year, form.cleaned_data["note"])
    request.audit_object = made.ref
    messages.success(request, _("Published as %(ref)s.") % {"ref": made.ref})
    return redirect("figure-set", made.ref)


@door("figures.read")
def figure_set(request: DeskRequest, ref: str) -> HttpResponse:
    """Show what was published, in the words of then."""
    found = take(request, FigureSet, ref)
    made = services.Year(found.year, found.counted_at, found.figures)
    context = {**_shown(made), "set": found, "section": "figures"}
    return render(request, "desk/figures/set.html", context)


@door("figures.export")
def download_set(request: DeskRequest, ref: str) -> HttpResponse:
    """Hand out what was published as CSV, small counts withheld."""
    found = take(request, FigureSet, ref)
    at = found.counted_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    content = as_csv(found.figures, found.year, settings.SMALLEST_COUNT, at)
    return _csv(content, f"figures-{found.year}-{found.ref}")


@door("figures.read")
def years(request: DeskRequest) -> HttpResponse:
    """Lay the published years beside each other, with every break."""
    form = _scope(request)
    teams, _year = form.chosen()
    sets = services.standing_sets(request.user, teams)
    points = services.series(sets).items()
    words = {row["id"]: row for one in sets for row in one.figures}
    rows = [{"measure": words[name], "points": some} for name, some in points]
    context = {"section": "figures", "form": form, "sets": sets, "rows": rows}
    return render(request, "desk/figures/years.html", context)


def _scope(request: DeskRequest) -> ScopeForm:
    """Return the form that says which year, of which teams."""
    given = request.GET if request.GET else None
    return ScopeForm(request.user, years_with_sightings(request.user.team_ids), given)


def _address(request: DeskRequest) -> str:
    """Return the page of the year that was asked about."""
    query = request.GET.urlencode()
    return reverse("figures") + (f"?{query}" if query else "")


def _page(request: DeskRequest, form: ScopeForm, found: services.Year) -> dict[str, Any]:
    """Return what the page of a year shows."""
    return {
        **_shown(found),
        "section": "figures",
        "form": form,
        "publishing": PublishForm(),
        "query": request.GET.urlencode(),
        "threshold": settings.SMALLEST_COUNT,
    }


def _shown(found: services.Year) -> dict[str, Any]:
    """Return figures as tables: a row a group, a column the year and each month."""
    tables = []
    for one in found.figures:
        periods = sorted(one["values"])
        year = one["values"].get(str(found.year), {})
        groups = sorted({group for cells in one["values"].values() for group in cells})
        groups.sort(key=lambda group: (group != TOTAL, _place(year, group)))
        tables.append(
            {
                "measure": one,
                "rows": [
                    (group, [one["values"][period].get(group) for period in periods])
                    for group in groups
                ],
                "bars": bars(one["values"], found.year, one.get("bar", TOTAL)),
            }
        )
    months = [f"{month:02}" for month in range(1, 13)]
    return {
        "year": found.year,
        "at": found.at,
        "waits": found.waits,
        "tables": tables,
        "months": months,
        "common": found.figures[0]["common"] if found.figures else "",
    }


def _place(year: dict[str, Any], group: str) -> tuple[float, str]:
    """Return where a group stands: the largest first."""
    return -float(year.get(group, 0)), group


def _csv(content: bytes, name: str) -> HttpResponse:
    """Answer with a file."""
    answer = HttpResponse(content, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer
