"""Pages of accounts that allauth does not have."""

from __future__ import annotations

import hmac

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from clewline.desk.accounts import services
from clewline.desk.accounts.models import User


class SetUpForm(forms.Form):
    """What the first visit asks."""

    organisation = forms.CharField(label=_("Organisation"), max_length=120)
    team = forms.CharField(label=_("First team"), max_length=120)
    username = forms.CharField(label=_("Your name for signing in"), max_length=60)
    password = forms.CharField(
        label=_("Password, 12 characters or more"), widget=forms.PasswordInput
    )

    def clean_password(self) -> str:
        """Hold the password against the rules."""
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password


def set_up(request: HttpRequest, code: str) -> HttpResponse:
    """Make the first administrator. The code stands in the terminal that started the desk."""
    if not hmac.compare_digest(code, settings.HOME.setup_code()) or User.objects.exists():
        raise Http404
    form = SetUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = services.set_up(**form.cleaned_data)
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[1])
        return redirect("home")
    return render(request, "desk/setup.html", {"form": form})


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """Say that too many attempts failed; says nothing of whether the account exists."""
    return render(request, "desk/locked.html", status=429)
