"""Pages of policies: which is in force, what another would change, and who agreed to it."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from clewline.desk.door import DeskRequest, door
from clewline.desk.partners import policies
from clewline.desk.partners.models import PolicyVersion
from clewline.desk.partners.replaying import replay
from clewline.policy import FIELDS, Difference
from clewline.policy.files import lint
from clewline.policy.table import HEADINGS, rows

_SHOWN: Final = 200
"""Rows of differences on a page."""
_FAULTS: Final = 20


class ProposeForm(forms.Form):
    """Another policy, and why."""

    reason = forms.CharField(label=_("Why it is changed"), max_length=400)
    text = forms.CharField(
        label=_("The policy (YAML)"),
        max_length=100_000,
        help_text=_("the one in force, to be changed; with a higher version"),
        widget=forms.Textarea(attrs={"rows": 24, "class": "mono", "spellcheck": "false"}),
    )

    def clean_text(self) -> str:
        """Name every fault with its line."""
        text: str = self.cleaned_data["text"]
        if faults := lint(text, "line"):
            raise forms.ValidationError([str(one) for one in faults[:_FAULTS]])
        return text


@door("policy.read")
def policy(request: DeskRequest) -> HttpResponse:
    """Show the policy in force, and every version before."""
    return _page(request)


@door("policy.propose", "POST")
def propose(request: DeskRequest) -> HttpResponse:
    """Put a policy before a second person."""
    form = ProposeForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    made = policies.propose(request.user, **form.cleaned_data)
    request.audit_details = {"policy": policies.policy_in(made).id}
    return redirect("policy-version", len(policies.versions(request.user)))


@door("policy.read")
def version(request: DeskRequest, number: int) -> HttpResponse:
    """Show a version, and what it would have answered differently."""
    made = take_version(request, number)
    new = policies.policy_in(made)
    old = policies.before(request.user.organisation_id, made)
    replayed = replay(request.user, old, new)
    context = {
        "section": "partners",
        "number": number,
        "made": made,
        "policy": new,
        "before": old,
        "replayed": replayed,
        "differences": _grouped(replayed.found)[:_SHOWN],
        "may_decide": policies.may_decide(request.user, made),
    }
    return render(request, "desk/partners/policy_version.html", context)


@door("policy.decide", "POST")
def decide(request: DeskRequest, number: int) -> HttpResponse:
    """Adopt a policy, or turn it down."""
    made = take_version(request, number)
    adopted = "adopt" in request.POST
    policies.decide(request.user, made, adopted=adopted)
    request.audit_details = {"policy": policies.policy_in(made).id, "adopted": adopted}
    return redirect("policy-version", number)


def take_version(request: DeskRequest, number: int) -> PolicyVersion:
    """Return a version of one's own organisation, counted from 1."""
    request.audit_object = f"policy {number}"
    found = policies.versions(request.user)
    if not 1 <= number <= len(found):
        raise Http404
    return found[number - 1]


def _grouped(found: list[Difference]) -> list[tuple[Difference, list[str]]]:
    """Return a difference of each record and change, with the titles of its fields."""
    grouped: dict[tuple[str, ...], tuple[Difference, list[str]]] = {}
    for one in found:
        key = (one.name, one.before.verdict, one.after.verdict, one.after.rule)
        titles = grouped.setdefault(key, (one, []))[1]
        if (title := FIELDS[one.field].title) not in titles:
            titles.append(title)
    return list(grouped.values())


def _page(request: DeskRequest, form: ProposeForm | None = None) -> HttpResponse:
    """Show the policy in force, and a form for another."""
    organisation = request.user.organisation_id
    initial = {"text": policies.text_in_force(organisation)}
    context: dict[str, Any] = {
        "section": "partners",
        "policy": (now := policies.policy_of(organisation)),
        "headings": HEADINGS,
        "rules": rows(now),
        "versions": list(enumerate(policies.versions(request.user), 1))[::-1],
        "waiting": policies.waiting(request.user),
        "form": form or ProposeForm(initial=initial),
    }
    status = 400 if form is not None and form.errors else 200
    return render(request, "desk/partners/policy.html", context, status=status)
