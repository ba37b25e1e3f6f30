"""What every page's frame needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from clewline import __version__
from clewline.desk.accounts import services as accounts


def desk(request: HttpRequest) -> dict[str, Any]:
    """Return the facts of this desk."""
    return {
        "is_play": settings.HOME.is_play,
        "version": __version__,
        "made_up_people": accounts.made_up_people,
    }
