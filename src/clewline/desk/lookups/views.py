"""Pages of look-ups: those of the desk, and those of partners."""

from __future__ import annotations

import json
from typing import Any, Final

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from clewline.desk.door import DeskRequest, door, take
from clewline.desk.lookups import answers, queries, services
from clewline.desk.lookups.forms import AskForm, ConsentForm, DecideForm, DraftForm, RevocationForm
from clewline.desk.lookups.models import LookUp, OriginatorAsked
from clewline.desk.partners.forms import CallForm
from clewline.policy import FIELDS

_CONSENT: Final = "consent{}_%s"
"""How the form of one question calls its fields."""

# --- The desk's side --------------------------------------------------------------------------


@door("lookup.list")
def lookups(request: DeskRequest) -> HttpResponse:
    """List what waits, and what was answered last."""
    rows = LookUp.objects.visible_to(request.user).select_related("partner")
    context = {
        "section": "lookups",
        "waiting": queries.waiting_for(request.user),
        "newest": rows.order_by("-asked_at", "-id")[:50],
        "public_key": services.public_key(),
    }
    return render(request, "desk/lookups/list.html", context)


@door("lookup.read")
def lookup(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a look-up with what policy would tell of it, and why."""
    return _page(request, take(request, LookUp, ref))


@door("lookup.call", "POST")
def call(request: DeskRequest, ref: str) -> HttpResponse:
    """Log a call back."""
    found, form = take(request, LookUp, ref), CallForm(request.POST)
    if not form.is_valid():
        return _page(request, found, call_form=form)
    request.audit_details = {"confirmed": form.cleaned_data["confirmed"]}
    services.log_call(request.user, found, **form.cleaned_data)
    return redirect("lookup", ref)


@door("lookup.reveal", "POST")
def names(request: DeskRequest, ref: str) -> HttpResponse:
    """Show who asks and who authorised it."""
    found = take(request, LookUp, ref)
    opened = {name: found.unseal(name) for name in ("requester", "authoriser")}
    return _page(request, found, opened=opened)


@door("lookup.consent", "POST")
def originator(request: DeskRequest, ref: str) -> HttpResponse:
    """Note that the originator of a record is asked."""
    found, source = take(request, LookUp, ref), request.POST.get("source", "")
    made = services.ask_originator(request.user, found, source)
    request.audit_details = {"source": source, "fields": made.fields}
    return redirect("lookup", ref)


@door("lookup.consent", "POST")
def consent(request: DeskRequest, ref: str, number: int) -> HttpResponse:
    """Note what an originator said; questions are counted from 1."""
    found = take(request, LookUp, ref)
    form, asked = (
        ConsentForm(request.POST, auto_id=_CONSENT.format(number)),
        take_question(found, number),
    )
    if not form.is_valid():
        return _page(request, found, consent_form=form)
    services.note_consent(request.user, asked, **form.cleaned_data)
    request.audit_details = {"source": asked.source, "granted": form.cleaned_data["granted"]}
    return redirect("lookup", ref)


@door("lookup.consent", "POST")
def revoke_consent(request: DeskRequest, ref: str, number: int) -> HttpResponse:
    """Note that an originator took its word back."""
    found = take(request, LookUp, ref)
    form, asked = (
        RevocationForm(request.POST, auto_id=_CONSENT.format(number)),
        take_question(found, number),
    )
    said = getattr(asked, "consent", None)
    if said is None:
        raise Http404
    if not form.is_valid():
        return _page(request, found, consent_form=form)
    services.revoke_consent(request.user, said, form.cleaned_data["how"])
    request.audit_details = {"source": asked.source, "revoked": True}
    return redirect("lookup", ref)


@door("lookup.draft", "POST")
def draft(request: DeskRequest, ref: str) -> HttpResponse:
    """Draft the answer that policy allows."""
    found, form = take(request, LookUp, ref), DraftForm(request.POST)
    if not form.is_valid():
        return _page(request, found, draft_form=form)
    differently = "differently" in request.POST
    made = services.draft(request.user, found, form.cleaned_data["note"], differently=differently)
    request.audit_details = {"draft": made.ref, "reply": made.reply, "policy": made.policy}
    return redirect("lookup", ref)


@door("lookup.release", "POST")
def release(request: DeskRequest, ref: str) -> HttpResponse:
    """Release the draft that waits, or send it back."""
    found, form = take(request, LookUp, ref), DecideForm(request.POST)
    made = services.waiting_draft(found)
    if made is None:
        raise Http404
    if not form.is_valid():
        return _page(request, found, decide_form=form)
    released, reason = "release" in request.POST, form.cleaned_data["reason"]
    done = services.release(request.user, made, released=released, reason=reason)
    request.audit_details = {"draft": made.ref, "released": released, "sha256": done.sha256}
    return redirect("lookup", ref)


def take_question(found: LookUp, number: int) -> OriginatorAsked:
    """Return a question to an originator; they are counted from 1."""
    asked = found.originators_asked.order_by("id")[number - 1 : number].first() if number else None
    if asked is None:
        raise Http404
    return asked


def _page(
    request: DeskRequest, found: LookUp, consent_form: RevocationForm | None = None, **more: Any
) -> HttpResponse:
    """Show a look-up, with what this person can do."""
    made = services.waiting_draft(found)
    weighed = services.weigh(found)
    context = {
        "section": "lookups",
        "look_up": found,
        "asked": [question.shown for question in services.questions_of(found)],
        "necessity": found.unseal("necessity"),
        "verified": services.is_verified(found),
        "calls": found.calls.select_related("by").order_by("-id"),
        "items": _titled(services.items_of(found, weighed)),
        "weighed": _told_of(weighed),
        "draft": made,
        "drafted": _titled(json.loads(made.unseal("items"))) if made else [],
        "drafts": found.drafts.select_related("by", "release__by").order_by("-id"),
        "may_release": made is not None and services.may_release(request.user, made),
        "originators": [
            (one, [FIELDS[name].title for name in one.fields], _consent_form(one, consent_form))
            for one in queries.originators_of(found, weighed)
        ],
        "call_form": CallForm(),
        "draft_form": DraftForm(),
        "decide_form": DecideForm(),
        **more,
    }
    made_forms = (consent_form, *more.values())
    wrong = any(isinstance(one, forms.Form) and one.errors for one in made_forms)
    return render(request, "desk/lookups/lookup.html", context, status=400 if wrong else 200)


def _consent_form(one: queries.Originator, faulty: RevocationForm | None) -> RevocationForm:
    """Return the form for an originator's answer: the faulty one, if it is of this question."""
    auto_id = _CONSENT.format(one.number)
    if faulty is not None and faulty.auto_id == auto_id:
        return faulty
    said = getattr(one.asked, "consent", None)
    return ConsentForm(auto_id=auto_id) if said is None else RevocationForm(auto_id=auto_id)


def _told_of(weighed: list[services.WeighedFact]) -> list[dict[str, Any]]:
    """Return what became of each field of each record; not what stands in it."""
    return [
        {
            "source": one.fact.source,
            "asked": one.question.shown,
            "fields": [
                {"title": FIELDS[name].title, "said": said}
                for name, said in one.decision.fields.items()
            ],
        }
        for one in weighed
    ]


def _titled(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return items with the titles of their fields; several values stand in one line."""
    return [{**item, "fields": answers.titled(item)} for item in items]


# --- The partner's side -----------------------------------------------------------------------


@door("lookup.own")
def asked(request: DeskRequest) -> HttpResponse:
    """List what one's own organisation asked."""
    rows = LookUp.objects.visible_to(request.user).order_by("-asked_at", "-id")[:200]
    context = {
        "section": "asked",
        "rows": [{"look_up": one, "release": services.latest_release(one)} for one in rows],
        "public_key": services.public_key(),
    }
    return render(request, "desk/lookups/requests.html", context)


@door("lookup.ask", "GET", "POST")
def ask(request: DeskRequest) -> HttpResponse:
    """Ask of exact identifiers."""
    form = AskForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        made = services.ask(request.user, **form.cleaned_data)
        request.audit_object = made.ref
        return redirect("own-lookup", made.ref)
    context = {"section": "asked", "form": form}
    return render(request, "desk/lookups/ask.html", context, status=400 if form.errors else 200)


@door("lookup.own")
def own(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a request of one's own organisation, with the answer once there is one."""
    found = take(request, LookUp, ref)
    latest = services.latest_release(found)
    content = latest.unseal("deliverable") if latest else ""
    answer = answers.verify(content.encode(), ref) if content else None
    context = {
        "section": "asked",
        "look_up": found,
        "asked": [question.shown for question in services.questions_of(found)],
        "release": latest,
        "answer": answer,
        "items": _titled(answer["items"]) if answer else [],
        "receipt": getattr(latest, "receipt", None),
    }
    return render(request, "desk/lookups/request.html", context)


@door("lookup.own")
def answer(request: DeskRequest, ref: str, form: str) -> HttpResponse:
    """Hand out the latest answer, as signed JSON or as text."""
    latest = services.latest_release(take(request, LookUp, ref))
    if latest is None or form not in ("json", "txt"):
        raise Http404
    content = latest.unseal("deliverable").encode()
    request.audit_details = {"sha256": latest.sha256}
    kind = "application/json"
    if form == "txt":
        kind, content = "text/plain", answers.as_text(answers.verify(content, ref)).encode()
    handed = HttpResponse(content, content_type=f"{kind}; charset=utf-8")
    handed["Content-Disposition"] = f'attachment; filename="{ref}.{form}"'
    return handed


@door("lookup.acknowledge", "POST")
def acknowledge(request: DeskRequest, ref: str) -> HttpResponse:
    """Acknowledge the latest answer."""
    services.acknowledge(request.user, take(request, LookUp, ref))
    return redirect("own-lookup", ref)
