"""All that can be observed of one request: answer, what is there afterwards, statements."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import zip_longest
from typing import Any, Final

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.desk.conftest import World, plain_of
from tests.desk.test_matrix import API_DOORS, OPERATIONS, Asking, Row, _call, _send, _token, body_of

from clewline.desk import codenames, ledger
from clewline.desk.accounts.models import User
from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.models import Delivery
from clewline.desk.exports.services import text_of

_FRESH: Final = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"  # times
    rb"|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"  # times in headers
    rb'|(csrfmiddlewaretoken|X-CSRFToken)[\\\\": value=]+\w{64}'  # within JSON
    rb"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # the number of a form, drawn
    rb"|(clw|clwp)_[\w-]{20,}"  # tokens, keys
    rb'|"error_id": "[0-9a-f]+"'
    rb"|/invitation/[\w-]+|/tokens/[0-9a-f]+/"  # made anew
    rb'|"delivery": \{"ref": "[0-9a-f]{32}"'  # drawn
    rb"|V-[0-9A-Z]{5}-[0-9A-Z]{5}"  # drawn for everybody who is told of an enquiry at once
    rb"|(dispute|hand-over|access|contact|period|label)-[0-9a-f]{16}"  # keyed
    rb'|"signature":"[0-9a-f]+"'  # of what has a time in it
    rb"|A-\d{5}"  # pseudonyms, drawn
    rb"|<code>[0-9a-f]{64}</code>"  # digests of what has a time in it
)
VALUE: Final = re.compile(r"'(?:[^']|'')*'|\b\d+\b|X'[0-9A-F]*'")
_CURSOR: Final = re.compile(r'"_django_curs_\w+"')
"""PostgreSQL's cursors are numbered."""
_LIST: Final = re.compile(r"\((?:\?(?:, )?)+\)")


class Drawing(random.Random):
    """Stands where references and codenames are drawn, so that both are drawn alike twice."""

    def SystemRandom(self) -> random.Random:  # noqa: N802
        """Return what draws an order."""
        return self


def draw_alike(monkeypatch: pytest.MonkeyPatch) -> Drawing:
    """Let the desk draw from one source; what it draws elsewhere it still draws at random."""
    drawing = Drawing()
    for module in (ledger, codenames):
        monkeypatch.setattr(module, "secrets", drawing)
    monkeypatch.setattr(alerts.secrets, "SystemRandom", lambda: drawing)
    return drawing


class _Kind(type):
    """Makes every time one of the stopped clock's."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, datetime)


def stop_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass on the desk, so that what says how long ago something was says the same."""
    stopped = timezone.now()

    class Stopped(datetime, metaclass=_Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return stopped.astimezone(tz)

    for name, module in list(sys.modules.items()):
        ours = name.startswith(("clewline.desk.", "tests.desk.")) or module is timezone
        if (
            ours
            and vars(module).get("datetime") is datetime
            and module is not sys.modules[__name__]
        ):
            monkeypatch.setattr(module, "datetime", Stopped)


class Unlimited:
    """Stands where requests are counted: there are more here than anybody makes in a minute."""

    def take(self, _who: int) -> None:
        """Let everybody."""


@dataclass(frozen=True)
class Seen:
    """What was seen of one request.

    Attributes
    ----------
    told : dict of str to object
        Status, headers and content of the answer, and of the pages opened after it.
    statements : list of str
        Shapes of the SQL statements: as many and the same ones, so the same work and time.
    """

    told: dict[str, Any]
    statements: list[str]


def differences(before: Seen, after: Seen, only: tuple[str, ...] = ()) -> str:
    """Say in what two differ; nothing if in nothing. `only` some of what was told is compared."""
    for name in only or before.told:
        one, other = before.told[name], after.told.get(name)
        if one != other:
            return f"{name}: {_where(str(one), str(other))}"
    for here, there in () if only else zip_longest(before.statements, after.statements):
        if here != there:
            return f"statements: {_where(str(here), str(there))}"
    return ""


def _where(one: str, other: str) -> str:
    """Return where two texts part."""
    at = next((n for n, pair in enumerate(zip_longest(one, other)) if pair[0] != pair[1]), len(one))
    start = max(0, at - 80)
    return f"...{one[start : at + 160]!r} is now ...{other[start : at + 160]!r}"


def answer_of(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """Return what an answer says, without what is new each time."""
    content = b"".join(answer) if answer.streaming else answer.content
    length = answer.headers.get("Content-Length")
    assert length is None or int(length) == len(content)
    # What is in a file, not how far it could be compressed.
    content = text_of(content).encode() if content[:2] == b"PK" else plain_of(content)
    headers = {
        name: _FRESH.sub(b"?", value.encode()).decode()
        for name, value in answer.headers.items()
        if name not in ("Set-Cookie", "Content-Length")
    }
    return answer.status_code, headers, _FRESH.sub(b"?", content)


def seen(
    drawing: Drawing,
    prepare: Callable[[], Callable[[], Any]],
    afterwards: Callable[[Any], dict[str, Any]] = lambda answer: {},
) -> Seen:
    """Prepare, ask, look what is there afterwards, and take all of it back."""
    with transaction.atomic():
        drawing.seed("own")
        ask = prepare()
        drawing.seed("asked")
        with CaptureQueriesContext(connection) as queries:
            answer = ask()
            said = answer_of(answer)
        told = {"status": said[0], "content": said[2], "headers": said[1], **afterwards(answer)}
        transaction.set_rollback(True)
    shapes = [
        _LIST.sub("(?)", VALUE.sub("?", _CURSOR.sub('"cursor"', one["sql"])))
        for one in queries.captured_queries
        if "SAVEPOINT" not in one["sql"]
    ]
    return Seen(told, shapes)


def of_page(
    world: World, drawing: Drawing, user: User, row: Row, method: str, _name: str = ""
) -> Seen:
    """Ask for a page of one's own as a browser, and after a change open what it leads to."""
    client = world.client(user)

    def prepare() -> Callable[[], Any]:
        fresh = User.objects.get(pk=user.pk)
        asking = Asking(world, fresh, fresh)
        url = row.path(asking)
        body = body_of(row, asking) if method == "POST" else {}
        return lambda: _send(client, method, url, body)

    def afterwards(answer: Any) -> dict[str, Any]:
        if method == "GET":
            return {}
        path = answer["Location"] if answer.status_code == 302 else "/"
        return {"then": answer_of(client.get(path)), "deliveries": deliveries(world)}

    return seen(drawing, prepare, afterwards)


def of_operation(
    world: World, drawing: Drawing, user: User, row: Row, method: str, asked: str
) -> Seen:
    """Ask for an operation as a program, and after a change read its lists and the queue."""
    tokens: list[str] = []

    def prepare() -> Callable[[], Any]:
        fresh = User.objects.get(pk=user.pk)
        asking = Asking(world, fresh, fresh)
        url, token = row.path(asking), _token(fresh)
        body = body_of(row, asking)
        tokens.append(token)
        return lambda: _call(method, url, body, token)

    def afterwards(answer: Any) -> dict[str, Any]:
        if method == "GET":
            return {}
        lists = sorted(
            path
            for path, verb in OPERATIONS
            if verb == "GET" and "{" not in path and set(user.roles) & API_DOORS[path, verb].roles
        )
        told = ("queue", asked.split("/")[1])
        lists = [path for path in lists if path.split("/")[1] in told and path != "/addresses"]
        return {path: answer_of(_call("GET", f"/api{path}", {}, tokens[-1])) for path in lists}

    return seen(drawing, prepare, afterwards)


def deliveries(world: World) -> list[tuple[str, str, timedelta]]:
    """Return what waits for the partner of the team: on which channel, and how long it waits."""
    rows = Delivery.objects.filter(channel__partner=world.partner).order_by("due_at", "id")
    told = []
    for one in rows.select_related("copy__alert__decision", "report__decision", "channel"):
        sent = one.copy.alert if one.copy else one.report
        assert sent is not None
        kind = one.copy.kind if one.copy else "report"
        told.append((one.channel.kind, kind, one.due_at - sent.decision.at))
    return told
