"""The first page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from clewline.desk.door import DeskRequest, door


@door("home.read")
def home(request: DeskRequest) -> HttpResponse:
    """Show where a person's work begins."""
    return render(request, "desk/home.html", {"section": "home"})
