"""Pages of accounts that allauth does not have."""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from clewline.desk.accounts import services
from clewline.desk.accounts.forms import (
    AccessForm,
    PasswordForm,
    PersonForm,
    SetUpForm,
    TeamForm,
    TokenForm,
)
from clewline.desk.accounts.models import AccessChange, Team, User
from clewline.desk.door import DeskRequest, door
from clewline.desk.queue.items import key_of, of_key

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def set_up(request: HttpRequest, code: str) -> HttpResponse:
    """Make the first administrator. The code stands in the terminal that started the desk."""
    right = hmac.compare_digest(code, settings.HOME.setup_code())
    if not right or services.administrators().exists():
        raise Http404
    form = SetUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, services.set_up(**form.cleaned_data), backend=_BACKEND)
        return redirect("home")
    return render(request, "desk/accounts/setup.html", {"form": form})


def accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Let somebody who was invited choose a password."""
    invitation = services.invited(secret)
    if invitation is None:
        raise Http404
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = services.accept(invitation, form.cleaned_data["password"])
        login(request, user, backend=_BACKEND)
        return redirect("home")
    context = {"form": form, "username": invitation.user.username}
    return render(request, "desk/accounts/accept.html", context)


@require_POST
def step_in(request: HttpRequest) -> HttpResponse:
    """Sign in as a made-up person, on a made-up desk."""
    people = {user.username: user for user in services.made_up_people()}
    try:
        user = people[request.POST["username"]]
    except KeyError:
        raise Http404 from None
    login(request, user, backend=_BACKEND)
    return redirect("home")


def forgotten(request: HttpRequest) -> HttpResponse:
    """Say who helps with a lost password: a person, because the desk sends no mail."""
    return render(request, "desk/accounts/forgotten.html")


def locked_out(request: HttpRequest, *_: object, **__: object) -> HttpResponse:
    """Say that too many attempts failed; says nothing of whether the account exists."""
    return render(request, "desk/accounts/locked.html", status=429)


@door("account.read")
def account(request: DeskRequest) -> HttpResponse:
    """Show somebody's own account."""
    return _account(request)


@door("account.change", "POST")
def add_token(request: DeskRequest) -> HttpResponse:
    """Make an API token and show it once."""
    form = TokenForm(request.user, request.POST)
    if not form.is_valid():
        return _account(request, form=form, status=422)
    token = services.new_token(request.user, **form.cleaned_data)
    request.audit_object = form.cleaned_data["name"]
    return _account(request, token=token)


@door("account.change", "POST")
def revoke_token(request: DeskRequest, token: str) -> HttpResponse:
    """Revoke an API token of one's own."""
    found = next((one for one in request.user.tokens.all() if one.ref == token), None)
    if found is None:
        raise Http404
    services.revoke(found)
    request.audit_object = found.name
    return redirect("account")


@door("account.change", "POST")
def sign_out_everywhere(request: DeskRequest) -> HttpResponse:
    """End all other sessions."""
    services.sign_out_everywhere(request.user)
    update_session_auth_hash(request, request.user)
    messages.info(request, _("Signed out everywhere else."))
    return redirect("account")


def _account(
    request: DeskRequest, *, form: TokenForm | None = None, token: str = "", status: int = 200
) -> HttpResponse:
    """Show somebody's own account, with a fresh token if there is one."""
    context = {
        "form": form or TokenForm(request.user),
        "token": token,
        "tokens": request.user.tokens.order_by("-created_at"),
        "teams": request.user.teams.order_by("name"),
    }
    return render(request, "desk/accounts/account.html", context, status=status)


@door("people.list")
def people(request: DeskRequest) -> HttpResponse:
    """List the accounts of one's organisation, and the changes that wait."""
    return _people(request)


@door("people.change", "POST")
def add_person(request: DeskRequest) -> HttpResponse:
    """Make an account and show the link with which its owner sets a password."""
    form = PersonForm(request.user.organisation, request.POST)
    if not form.is_valid():
        return _people(request, form=form, status=422)
    user = services.add_person(request.user, **form.cleaned_data)
    request.audit_object = user.pseudonym
    return _people(request, link=_link(request, services.invite(user)), invited=user)


@door("people.change", "POST")
def add_team(request: DeskRequest) -> HttpResponse:
    """Make a team."""
    form = TeamForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["name"]
        Team.objects.get_or_create(organisation=request.user.organisation, name=name)
        request.audit_object = name
    return redirect("people")


@door("people.change", "GET", "POST")
def person(request: DeskRequest, pseudonym: str) -> HttpResponse:
    """Ask for other roles and teams of somebody."""
    user = _colleague(request, pseudonym)
    initial = {"roles": user.roles, "teams": user.teams.all()}
    form = AccessForm(request.user.organisation, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        change = services.ask_for_access(request.user, user, **form.cleaned_data)
        if services.needs_second_person(change) and not hasattr(change, "decision"):
            messages.info(request, _("An approver has to agree first."))
        return redirect("people")
    return render(
        request,
        "desk/accounts/person.html",
        {"form": form, "person": user, "section": "people"},
        status=422 if form.errors else 200,
    )


@door("people.change", "POST")
def reset(request: DeskRequest, pseudonym: str) -> HttpResponse:
    """Take away password and second factors, and show a link to set them anew."""
    user = _colleague(request, pseudonym)
    return _people(request, link=_link(request, services.reset(user)), invited=user)


@door("people.change", "POST")
def set_active(request: DeskRequest, pseudonym: str) -> HttpResponse:
    """Let somebody in or out."""
    user = _colleague(request, pseudonym)
    if user != request.user:
        services.set_active(user, active=not user.is_active)
    return redirect("people")


@door("people.approve", "POST")
def decide(request: DeskRequest, change: str) -> HttpResponse:
    """Agree to a change of access, or refuse it."""
    asked = AccessChange.objects.filter(user__organisation=request.user.organisation)
    if (found := of_key("access", asked, change)) is None:
        raise Http404
    request.audit_object = found.user.pseudonym
    services.decide(request.user, found, granted="grant" in request.POST)
    return redirect("people")


def _people(request: DeskRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """Show the accounts, with a form and an invitation if there are."""
    organisation = request.user.organisation
    colleagues = User.objects.filter(organisation=organisation).prefetch_related("teams")
    waiting = AccessChange.objects.filter(user__organisation=organisation, decision=None)
    context = {
        "form": PersonForm(organisation),
        "team_form": TeamForm(),
        "people": colleagues.order_by("pseudonym"),
        "waiting": [
            {
                "change": change,
                "key": key_of("access", change.pk),
                "mine": services.may_decide(request.user, change),
            }
            for change in waiting.select_related("user", "asked_by").order_by("asked_at")
        ],
        "section": "people",
        **more,
    }
    return render(request, "desk/accounts/people.html", context, status=status)


def _colleague(request: DeskRequest, pseudonym: str) -> User:
    """Return somebody of one's own organisation."""
    request.audit_object = pseudonym
    return get_object_or_404(User, organisation=request.user.organisation, pseudonym=pseudonym)


def _link(request: DeskRequest, secret: str) -> str:
    """Return the address that an invited person opens."""
    return request.build_absolute_uri(reverse("accept", args=[secret]))
