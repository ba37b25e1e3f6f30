"""Sign people out who went away, and let nobody in without a second factor."""

from __future__ import annotations

import time
from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

Next = Callable[[HttpRequest], HttpResponse]
_WITHOUT = ("/accounts/", "/static/", "/setup/")
"""Where somebody without a second factor may be: signing in, out, and setting one up."""


class SessionLimits:
    """End a session that was idle too long; Django ends those that are too old."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at the time of the last request."""
        if request.user.is_authenticated:
            now = int(time.time())
            last = request.session.get("last_request", now)
            by_itself = request.path == reverse("urgent-now")
            if now - last > settings.IDLE_SECONDS:
                logout(request)
                if by_itself:
                    return HttpResponse(headers={"HX-Refresh": "true"})
            elif by_itself:
                pass  # a page that renews its clock is nobody at work
            elif now - last >= 30 or "last_request" not in request.session:
                request.session["last_request"] = now
        return self.get_response(request)


class SecondFactor:
    """Ask for a second factor to be set up; on a made-up desk people may do without."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Lead to the page where it is set up."""
        must = request.user.is_authenticated and not settings.HOME.is_play
        if must and not request.path.startswith(_WITHOUT) and not is_mfa_enabled(request.user):
            return redirect("mfa_index")
        return self.get_response(request)
