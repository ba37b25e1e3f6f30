"""Pages of brands and groups, and the queue of those who judge."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from clewline.desk.brands import queries, services
from clewline.desk.brands.forms import (
    AssignForm,
    BrandForm,
    GroupForm,
    JudgeForm,
)
from clewline.desk.brands.parts import pages_of
from clewline.desk.codenames import suggest
from clewline.desk.door import DeskRequest, door, take
from clewline.desk.records.models import Brand, Group, Proposal, Sighting
from clewline.desk.welfare.services import protection_of
from clewline.errors import UsageError

_KINDS: Final = ("brand", "group")


@door("brand.list")
def brands(request: DeskRequest) -> HttpResponse:
    """List the brands of a person's teams."""
    after = request.GET.get("after", "")
    rows = queries.brand_rows(request.user, take(request, Brand, after) if after else None)
    more = rows[queries.PAGE - 1].brand.ref if len(rows) > queries.PAGE else ""
    page = {"section": "brands", "rows": rows[: queries.PAGE], "more": more}
    return render(request, "desk/brands/list.html", page | {"most": queries.MOST_COUNTED})


@door("brand.create", "GET", "POST")
def new_brand(request: DeskRequest) -> HttpResponse:
    """Make a brand, of a sighting if one is named."""
    form = BrandForm(request.user, _sent(request), initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        ref = asked.pop("sighting")
        sighting = take(request, Sighting, ref) if ref else None
        try:
            brand = services.create_brand(request.user, **asked)
        except UsageError as error:
            form.add_error("codename", str(error))
        else:
            if sighting is not None:
                services.assign(request.user, sighting, brand)
            request.audit_object, request.audit_details = brand.ref, {"sighting": ref}
            return redirect("brand", brand.ref)
    page = {"section": "brands", "form": form, "codenames": suggest(request.user)}
    return render(request, "desk/brands/new.html", page, status=_status(form))


@door("brand.read")
def brand(request: DeskRequest, ref: str) -> HttpResponse:
    """Show what is one with a brand: derived each time, kept nowhere."""
    found = take(request, Brand, ref)
    before = request.GET.get("before", "")
    last = take(request, Sighting, before) if before else None
    request.audit_object = ref
    view = queries.merged(found)
    sightings = view.newest(queries.PAGE + 1, last)
    ledger = queries.ledger_of(found.team_id, [one.ref for one in view.brands])
    page = {
        "section": "brands",
        "brand": found,
        "view": view,
        "sightings": sightings[: queries.PAGE],
        "older": sightings[queries.PAGE - 1].ref if len(sightings) > queries.PAGE else "",
        "count": view.count(),
        "most": queries.MOST_COUNTED,
        "first": view.first_seen(),
        "newest": view.newest(1),
        "seen": queries.seen_of(view),
        "ledger": ledger,
        "names": queries.names_in(found.team_id, ledger),
    }
    return render(request, "desk/brands/brand.html", page)


@door("brand.judge")
def judge_next(request: DeskRequest) -> HttpResponse:
    """Show what should be judged next."""
    after = request.GET.get("after", "")
    proposal = queries.next_proposal(request.user, after)
    if proposal is None:
        page = {"section": "judge", "after": after}
        return render(request, "desk/brands/nothing.html", page)
    request.audit_object = f"{proposal.left} {proposal.right}"
    return _pair(request, proposal.team_id, proposal.kind, proposal.left, proposal.right, proposal)


@door("brand.judge", "GET", "POST")
def judge(request: DeskRequest, kind: str, left: str, right: str) -> HttpResponse:
    """Show two side by side, and take what a person decides of them."""
    if kind not in _KINDS:
        raise Http404
    one, other = _side(request, left), _side(request, right)
    request.audit_object = f"{left} {right}"
    if one.team_id != other.team_id or (one.pk == other.pk and type(one) is type(other)):
        raise Http404
    form = JudgeForm(_sent(request))
    if request.method != "POST" or not form.is_valid():
        return _pair(request, one.team_id, kind, _page(one), _page(other), form=form)
    shown = queries.pair(one.team_id, kind, _page(one), _page(other))
    verdict, after = form.cleaned_data["verdict"], form.cleaned_data["after"]
    request.audit_details = {"kind": kind, "verdict": verdict}
    services.judge(
        request.user,
        kind,
        one,
        other,
        verdict,
        reasons=shown.common.reasons if shown.common else (),
        looked_at=shown.looked_at(),
        note=form.cleaned_data["note"],
    )
    messages.info(request, _("Kept in the ledger. A later judgement of the pair supersedes it."))
    if after:
        return redirect("judge")
    return redirect("judge-pair", kind, left, right)


@door("brand.judge", "GET", "POST")
def assign(request: DeskRequest, ref: str) -> HttpResponse:
    """Say of which brand the page of a sighting is."""
    sighting = take(request, Sighting, ref)
    form = AssignForm(sighting.team_id, _sent(request))
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["codename"]
        request.audit_details = {"brand": chosen.ref}
        services.assign(request.user, sighting, chosen, form.cleaned_data["note"])
        return redirect("brand", chosen.ref)
    page = {"section": "brands", "sighting": sighting, "form": form}
    page |= {"belonging": queries.belonging(sighting)}
    return render(request, "desk/brands/assign.html", page, status=_status(form))


@door("brand.read")
def group(request: DeskRequest, ref: str) -> HttpResponse:
    """Show the brands of a group."""
    page = {"section": "brands", "shown": queries.group(take(request, Group, ref))}
    return render(request, "desk/brands/group.html", page)


@door("brand.create", "GET", "POST")
def new_group(request: DeskRequest, ref: str) -> HttpResponse:
    """Make a group around a brand."""
    found = take(request, Brand, ref)
    form = GroupForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_group(request.user, found, **form.cleaned_data)
        except UsageError as error:
            form.add_error("codename", str(error))
        else:
            request.audit_details = {"group": made.ref}
            return redirect("group", made.ref)
    page = {"section": "brands", "brand": found, "form": form, "codenames": suggest(request.user)}
    return render(request, "desk/brands/new_group.html", page, status=_status(form))


def _sent(request: DeskRequest) -> QueryDict | None:
    """Return what was sent, however little; None where a page was only opened."""
    return request.POST if request.method == "POST" else None


def _side(request: DeskRequest, ref: str) -> services.Side:
    """Return a brand, sighting or group that the person may know of."""
    if ref[:1] == Brand.LETTER:
        return take(request, Brand, ref)
    if ref[:1] == Group.LETTER:
        return take(request, Group, ref)
    return take(request, Sighting, ref)


def _page(side: services.Side) -> str:
    """Return what names a side in the ledger."""
    return pages_of([side])[side.rotation] if isinstance(side, Sighting) else side.ref


def _pair(
    request: DeskRequest,
    team_id: int,
    kind: str,
    left: str,
    right: str,
    proposal: Proposal | None = None,
    form: Form | None = None,
) -> HttpResponse:
    """Show two side by side."""
    form = form or JudgeForm(initial={"after": proposal.key if proposal else ""})
    page = {
        "section": "judge",
        "pair": queries.pair(team_id, kind, left, right),
        "proposal": proposal,
        "form": form,
        "both_brands": left[0] == right[0] == Brand.LETTER,
        "summaries_masked": protection_of(request.user).summaries_masked,
    }
    return render(request, "desk/brands/pair.html", page, status=_status(form))


def _status(form: Form) -> int:
    """Return the status of a page whose form was not right."""
    return 400 if form.errors else 200
