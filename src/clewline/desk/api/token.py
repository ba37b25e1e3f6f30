"""Tokens of programs: ``Authorization: Bearer clw_…``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from typing import Any, Final, TypeVar

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from clewline.desk.accounts import services as accounts
from clewline.desk.accounts.models import ApiToken
from clewline.desk.api.limits import Rate, require_size
from clewline.desk.api.repeats import HEADER, once, refuse_key
from clewline.desk.door import DeskRequest, enter
from clewline.desk.roles import ACTIONS

_SEEN_AGAIN: Final = timedelta(minutes=1)
_RATE: Final = Rate()
Answer = TypeVar("Answer")


class Bearer(HttpBearer):
    """Takes a token and makes its owner the person who asks; cookies let nobody in."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        """Return the token if it still lets in."""
        found = accounts.find_token(token)
        if found is None:
            return None
        _RATE.take(found.id)
        require_size(request)
        now = timezone.now()
        if found.last_used_at is None or now - found.last_used_at > _SEEN_AGAIN:
            ApiToken.objects.filter(id=found.id).update(last_used_at=now)
        request.user = found.user
        request.api_token = found  # type: ignore[attr-defined]
        return found


def scope(
    name: str, *, kept: bool = True
) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Guard an operation of the API: its action, as `door` does for a page.

    An answer that must not be `kept` cannot be had a second time: a key for that is refused.
    """
    action = ACTIONS[name]

    def guard(operation: Callable[..., Answer]) -> Callable[..., Answer]:
        @wraps(operation)
        def guarded(request: DeskRequest, *args: Any, **kwargs: Any) -> Answer:
            work: Callable[[], Any] = partial(operation, request, *args, **kwargs)
            changes = action.writes and request.method == "POST"
            if changes and HEADER in request.headers:
                work = partial(once, request, work) if kept else refuse_key
            answer: Answer = enter(request, action, work, changes=changes)
            return answer

        guarded.action = action  # type: ignore[attr-defined]
        # The framework reads the types of a request from here; they are names of another module.
        guarded.__signature__ = inspect.signature(operation, eval_str=True)  # type: ignore[attr-defined]
        return guarded

    return guard
