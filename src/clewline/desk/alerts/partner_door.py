"""The door for partners' programs: an access key, its rate, and an audit row for each call.

A wrong key, a revoked one and none look the same. What is another partner's is not found, exactly
as what does not exist.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import HttpError

from clewline.desk.alerts import services
from clewline.desk.api.limits import Rate, TooManyError, require_size
from clewline.desk.audit import services as audit
from clewline.desk.partners.models import Partner
from clewline.errors import ClewlineError

JSON: Final = "application/json"
_RATE: Final = Rate()
View = Callable[..., HttpResponse]


def key_of(request: HttpRequest) -> str:
    """Return the access key of a request: Bearer or Token, or the password of HTTP Basic."""
    scheme, _, rest = str(request.headers.get("Authorization", "")).partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    # As MISP sends the key of a feed, without a scheme.
    return scheme if scheme.startswith(services.KEY_PREFIX) else ""


def partner_door(
    action: str, *methods: str, media: str = JSON, withdrawals: bool = True, page: bool = False
) -> Callable[[View], View]:
    """Guard a view for partners' programs.

    Parameters
    ----------
    action : str
        How the audit log calls it.
    *methods : str
        HTTP methods.
    media : str
        Media type of errors.
    withdrawals : bool
        Whether a partner that is suspended may still come in, to learn what was withdrawn.
    page : bool
        Whether it is a page for people: a browser sends the key by itself, so that forms need
        their token.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            partner = services.partner_of_key(key_of(request))
            if partner is None or not (withdrawals or partner.standing == "active"):
                answer = problem(401, "no valid access key", media)
                answer["WWW-Authenticate"] = 'Basic realm="Clewline", Bearer realm="Clewline"'
                return answer
            answer = _answer(request, partner, view, args, kwargs, methods, media)
            _write(request, partner, action, answer)
            return answer

        return guarded if page else csrf_exempt(guarded)

    return guard


def _answer(
    request: HttpRequest,
    partner: Partner,
    view: View,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    methods: tuple[str, ...],
    media: str,
) -> HttpResponse:
    """Ask the view; every refusal becomes an error in the form that all of them have."""
    try:
        _RATE.take(partner.pk)
        require_size(request)
        if request.method not in methods:
            answer = problem(405, "method not allowed", media)
            answer["Allow"] = ", ".join(methods)
            return answer
        return view(request, partner, *args, **kwargs)
    except Http404:
        return problem(404, "nothing here, or nothing for this key", media)
    except TooManyError as error:
        answer = problem(429, str(error), media)
        answer["Retry-After"] = str(error.seconds)
        return answer
    except HttpError as error:
        return problem(error.status_code, str(error), media)
    except ClewlineError as error:
        return problem(error.http_status, f"{error.where or ''}: {error.message}", media)


def problem(status: int, title: str, media: str = JSON) -> HttpResponse:
    """Return an error message (its form is that of TAXII 2.1, section 3.6.1)."""
    body = {"title": title, "http_status": str(status), "error_id": secrets.token_hex(8)}
    return HttpResponse(json.dumps(body), status=status, content_type=media)


def _write(request: HttpRequest, partner: Partner, action: str, answer: HttpResponse) -> None:
    """Leave a line in the audit log."""
    results = {404: "not found", 401: "forbidden", 403: "forbidden"}
    fine = answer.status_code < 400
    audit.write(
        actor=partner.ref,
        action=action,
        object=request.path[:120],
        result="done" if fine else results.get(answer.status_code, "refused"),
        client=str(request.META.get("REMOTE_ADDR", "")),
    )
