"""Errors as pages, and logs without what somebody typed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from clewline.errors import ClewlineError, UsageError


class Errors:
    """Turn an error of ours into a page with its status; others are logged and not echoed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, unless its address holds what no text of ours can."""
        if "\0" in request.path_info:
            raise Http404
        # PostgreSQL keeps no NUL in a text, so it could not even look for one. The API says that
        # itself, field by field.
        given = (text for values in request.GET.lists() for text in (values[0], *values[1]))
        if not request.path_info.startswith("/api/") and any("\0" in text for text in given):
            error = UsageError("a NUL character is no text", where="the address")
            return render(request, "desk/error.html", {"error": error}, status=error.http_status)
        response = self.get_response(request)
        # A browser keeps no page of the desk.
        response.setdefault("Cache-Control", "no-store")
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer with what went wrong, where and why."""
        if not isinstance(error, ClewlineError):
            return None
        return render(request, "desk/error.html", {"error": error}, status=error.http_status)


class NoPastedText(logging.Filter):
    """Keep arguments and locals out of logs: a pasted text may stand in them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop the request object and shorten the traceback to where it happened."""
        record.__dict__.pop("request", None)
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
            record.msg = f"{record.getMessage()} [{type(error).__name__} at {where}]"
            record.args, record.exc_info, record.exc_text = (), None, None
        return True
