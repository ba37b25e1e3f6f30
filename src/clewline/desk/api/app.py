"""The API's front: tokens, errors as JSON, and the operations of each noun."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as RequestError

from clewline import __version__
from clewline.desk.api import (
    account,
    addresses,
    alerts,
    audit,
    brands,
    cases,
    casework,
    disputes,
    figures,
    imports,
    lookups,
    money,
    names,
    ours,
    overlaps,
    pages,
    partners,
    queue,
    received,
    reports,
    retention,
    search,
    sightings,
    watch,
)
from clewline.desk.api.limits import TooManyError
from clewline.desk.api.schemas import Problem
from clewline.desk.api.token import Bearer
from clewline.desk.door import leave_row
from clewline.errors import ClewlineError

api = NinjaAPI(
    title="Clewline desk",
    version=__version__,
    description="Records of payment pages for programs. Text, metadata and blockchain data only.",
    auth=Bearer(),
    docs_url=None,  # a page of interactive docs would need scripts from elsewhere
    openapi_url="/openapi.json",
)
NOUNS: Final = (
    account,
    queue,
    pages,
    sightings,
    search,
    cases,
    casework,
    money,
    addresses,
    disputes,
    brands,
    names,
    ours,
    retention,
    lookups,
    partners,
    received,
    alerts,
    reports,
    watch,
    overlaps,
    imports,
    figures,
    audit,
)
for noun in NOUNS:
    api.add_router("", noun.router)


def _problem(
    request: HttpRequest, status: int, code: str, message: str, where: str | None = None
) -> HttpResponse:
    """Answer with an error in the form that all of them have."""
    return api.create_response(
        request, Problem(code=code, message=message, where=where).dict(), status=status
    )


@api.exception_handler(ClewlineError)
def _ours(request: HttpRequest, error: ClewlineError) -> HttpResponse:
    """Say what went wrong, where, and what would be allowed."""
    problem = Problem(code=error.code, message=error.message, where=error.where, hint=error.hint)
    return api.create_response(request, problem.dict(), status=error.http_status)


@api.exception_handler(AuthenticationError)
def _no_token(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    """Ask for a token."""
    return _problem(request, 401, "no-token", "send a valid token: Authorization: Bearer clw_…")


@api.exception_handler(PermissionDenied)
def _forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    """Say for whom it is."""
    return _problem(request, 403, "forbidden", f"this is {error}")


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    """Say the same of what is not there and of what this token may not know of."""
    return _problem(request, 404, "not-found", "no such record, or none that you may know of")


@api.exception_handler(RequestError)
def _bad_request(request: HttpRequest, error: RequestError) -> HttpResponse:
    """Name the first field that is wrong, without what was sent."""
    first = error.errors[0]
    where = ".".join(str(part) for part in first["loc"])
    _tell_refused(request)
    return _problem(request, 422, "bad-request", str(first["msg"]), where)


@api.exception_handler(ValidationError)
def _bad_value(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Say which rule of a record was broken."""
    return _problem(request, 422, "bad-request", "; ".join(error.messages))


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Pass on what the framework refuses, such as a body that is no JSON."""
    code = _CODES.get(error.status_code, "bad-request")
    answer = _problem(request, error.status_code, code, str(error))
    if isinstance(error, TooManyError):
        answer["Retry-After"] = str(error.seconds)
    return answer


def _tell_refused(request: HttpRequest) -> None:
    """Leave an audit row of a request that never came to the door, because of its shape."""
    asked: Any = request
    match = request.resolver_match
    route = "/" + str(match.route).removeprefix("api/") if match is not None else ""
    for path, method, view in operations():
        if method == request.method and path.replace("{", "<").replace("}", ">") == route:
            asked.audit_object, asked.audit_details = "", {"shape": "refused"}
            leave_row(asked, view.action, "refused")


_CODES: Final = {413: "too-large", 429: "too-many"}


def operations() -> Iterator[tuple[str, str, Any]]:
    """Yield path, method and view of each operation."""
    for _prefix, router in api._routers:
        for path, found in router.path_operations.items():
            for operation in found.operations:
                yield from ((path, method, operation.view_func) for method in operation.methods)
