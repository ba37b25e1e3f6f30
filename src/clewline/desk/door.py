"""The one door to every page and API call: who, which action, which record, and an audit row.

A view says what it is with ``@door("sighting.read")``, takes records with `take` and nothing else.
What a person may not know of is *not found*, exactly as what does not exist; what they may know of
but not do is *forbidden*. Each call leaves one audit row, refused ones too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

from clewline.desk.audit import services as audit
from clewline.desk.roles import ACTIONS, Action, allowed
from clewline.errors import ClewlineError, ErasedError

if TYPE_CHECKING:
    from clewline.desk.accounts.models import ApiToken, User

View = Callable[..., HttpResponseBase]
Answer = TypeVar("Answer")
Record = TypeVar("Record", bound=Model)


class DeskRequest(HttpRequest):
    """A request that came through the door."""

    user: User
    htmx: Any
    audit_object: str
    audit_details: dict[str, Any]
    taken: list[tuple[str, str]]
    api_token: ApiToken | None


def door(
    name: str, *methods: str, asks: Callable[[DeskRequest], bool] | None = None
) -> Callable[[View], View]:
    """Guard a view: its action, and the HTTP methods it answers (GET if none are named).

    Parameters
    ----------
    name : str
        The action, of `roles.ACTIONS`.
    *methods : str
        HTTP methods.
    asks : callable, optional
        Tells a POST that asks and changes nothing, such as one that has a paste read. It holds no
        transaction, so nobody who saves waits for it.

    Examples
    --------
    ``@door("sighting.record", "GET", "POST")``
    """
    action = ACTIONS[name]
    answers = methods or ("GET",)

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: DeskRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if request.method not in answers:
                return HttpResponseNotAllowed(answers)
            changes = request.method == "POST" and not (asks is not None and asks(request))
            work = partial(view, request, *args, **kwargs)
            return enter(request, action, work, changes=changes)

        guarded.action = action  # type: ignore[attr-defined]
        guarded.methods = answers  # type: ignore[attr-defined]
        return guarded

    return guard


def enter(
    request: DeskRequest, action: Action, work: Callable[[], Answer], *, changes: bool
) -> Answer:
    """Do `work` if the person may, and write what happened; a change and its audit row are one.

    Pages and the API come through here. A token lets do what its owner may, and of that its scopes.
    """
    request.audit_object, request.audit_details, request.taken = "", {}, []
    may, reason = allowed(request.user.roles, action)
    token = getattr(request, "api_token", None)
    if may and token is not None and action.name not in token.scopes:
        may, reason = False, f"not in the scopes of this token: {action.name}"
    if not may:
        leave_row(request, action, "forbidden")
        raise PermissionDenied(reason)
    try:
        with transaction.atomic() if changes else nullcontext():
            response = work()
            refused = isinstance(response, HttpResponseBase) and response.status_code >= 400
            leave_row(request, action, "refused" if changes and refused else "done")
    except Http404:
        leave_row(request, action, "not found")
        raise
    except PermissionDenied:
        leave_row(request, action, "forbidden")
        raise
    except ClewlineError:
        leave_row(request, action, "refused")
        raise
    return response


def take(request: DeskRequest, model: type[Record], ref: str, *, erased: bool = False) -> Record:
    """Return the record called `ref` if the person may know of it.

    Raises
    ------
    Http404
        If there is none, or none for this person: the two look the same.
    ErasedError
        If it is a case or request that was erased, and not asked for as such.
    """
    request.audit_object = ref
    # `visible_to` is of the model's own manager: a team's, or a case's members.
    manager: Any = model._default_manager
    visible = manager.visible_to(request.user)
    found: Record | None = visible.filter(ref=ref).first()
    if found is None:
        raise Http404
    if not erased and getattr(found, "is_erased", False):
        raise ErasedError("was erased: a tombstone stays", where=ref)
    request.taken.append((model._meta.label, ref))
    return found


def leave_row(request: DeskRequest, action: Action, result: str) -> None:
    """Leave a line in the audit log."""
    audit.write(
        actor=request.user.pseudonym,
        action=action.name,
        object=request.audit_object,
        result=result,
        client=_client(request),
        details=request.audit_details,
    )


def _client(request: DeskRequest) -> str:
    """Say from where a request came: an address, and the token if it was a program."""
    token = getattr(request, "api_token", None)
    address = str(request.META.get("REMOTE_ADDR", ""))
    return f"{address} token {token.name}"[:60] if token is not None else address
