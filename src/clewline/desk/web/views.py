"""The first page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from clewline.desk.door import DeskRequest, door
from clewline.desk.web.today import today_of
from clewline.desk.welfare.services import protection_of


@door("home.read")
def home(request: DeskRequest) -> HttpResponse:
    """Show where a person's work begins."""
    context = {
        "today": today_of(request.user),
        "summaries_masked": protection_of(request.user).summaries_masked,
        "section": "home",
    }
    return render(request, "desk/home.html", context)
