"""``python -m bench.desk_load --people 50 --minutes 10``: many people at the desk at once.

Starts the real server on a made-up desk, on SQLite in a temporary directory or on the empty
PostgreSQL database that CLEWLINE_DESK_DATABASE names. People sign in, list, open, record, search,
look at addresses and reveal, with pauses in between, and now and then send a form twice. In the
end nothing may be lost or doubled: records and audit rows are held against what was sent.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from bench import machine
from bench.desk_search import addresses, set_up
from bench.line import Goal, emit, note, quantiles

_GOAL: Final = Goal("p95_ms", "<=", 300)
_PAUSE: Final = 3.0
_TWICE: Final = 0.05
_TEAMS: Final = 5
_STEPS: Final = {
    "record": 30,
    "sighting": 20,
    "list": 12,
    "search": 15,
    "address": 10,
    "reveal": 5,
    "home": 5,
    "record form": 3,
}
"""What people do, and how often."""
_ACTIONS: Final = {
    "record": "sighting.record",
    "record form": "sighting.record",
    "sighting": "sighting.read",
    "list": "sighting.list",
    "search": "search.read",
    "address": "address.read",
    "reveal": "sighting.reveal",
    "home": "home.read",
}
_REF: Final = re.compile(rb"S-[0-9A-Z]{5}-[0-9A-Z]{5}")


def main() -> None:
    """Make the desk, start the server, let people work, count."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk_load", description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sightings", type=int, default=1000, help="recorded before")
    parser.add_argument("--pause", type=float, default=_PAUSE, help="mean seconds between requests")
    parser.add_argument("--port", type=int, default=8775)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    emit("machine", machine.describe())
    with tempfile.TemporaryDirectory(prefix="clewline-desk-load-") as temporary:
        home = Path(temporary) / "desk"
        set_up(home)
        names = _fill(asked.people, asked.sightings)
        server = _start(home, asked.port)
        try:
            _wait(asked.port)
            crowd = _Crowd(asked.port, asked.sightings, asked.pause)
            people = [_Person(crowd, name, asked.seed + n) for n, name in enumerate(names)]
            _work(people, asked.minutes * 60)
        finally:
            server.terminate()
            server.wait(30)
        _report(people, asked)


def _fill(count: int, sightings: int) -> list[str]:
    """Make people without passwords, and records through the desk's own services."""
    from clewline.desk.accounts.models import Organisation, Team, User
    from clewline.desk.records import services

    organisation = Organisation.objects.create(name="Made up")
    teams = [
        Team.objects.create(organisation=organisation, name=f"Team {n}") for n in range(_TEAMS)
    ]
    people = []
    for n in range(count):
        user = User.objects.create_user(
            f"made-up-{n}", organisation=organisation, roles=["analyst"], pseudonym=f"A-{n:05}"
        )
        user.teams.add(teams[n % _TEAMS])
        people.append(user)
    begin = time.perf_counter()
    for n, address in enumerate(addresses(sightings)):
        option = services.OptionDraft(asset="BTC", address=address, amount_min="20")
        services.record(
            people[n % count],
            services.SightingDraft(
                observed_at=datetime.now(UTC),
                brand=f"Brand {n % 50}",
                url=f"https://site{n}.example/pay",
                wording=f"Made-up wording {n}.",
                options=(option,),
            ),
        )
    note(f"filled in {time.perf_counter() - begin:.0f} s")
    return [user.username for user in people]


def _start(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server as people do."""
    run = [sys.executable, "-c", "from clewline.cli import main; main()", "desk", "serve"]
    command = [*run, "--home", str(home), "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _wait(port: int) -> None:
    """Wait until the server answers."""
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/accounts/login/")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"the server does not answer on port {port}")


@dataclass
class _Crowd:
    """What all people share."""

    port: int
    sightings: int
    pause: float
    end: float = 0.0

    def __post_init__(self) -> None:
        self.known = addresses(self.sightings)


@dataclass
class _Person:
    """Somebody who works at the desk."""

    crowd: _Crowd
    name: str
    seed: int
    cookies: dict[str, str] = field(default_factory=dict)
    refs: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.crowd.port, timeout=60)

    def work(self) -> None:
        """Sign in, then do one thing after the other until the end."""
        time.sleep(self.chance.random() * self.crowd.pause)
        self._ask("sign-in page", "GET", "/accounts/login/")
        self._ask("sign in", "POST", "/step-in/", {"username": self.name})
        steps, weights = list(_STEPS), list(_STEPS.values())
        while time.monotonic() < self.crowd.end:
            time.sleep(self.chance.expovariate(1 / self.crowd.pause))
            self._step(self.chance.choices(steps, weights)[0])

    def _step(self, step: str) -> None:
        """Do one thing."""
        if step == "record":
            self._record()
        elif step == "search":
            self._ask(step, "POST", "/search/", {"q": self._something()})
        elif step == "address":
            address = self.chance.choice(self.crowd.known)
            self._ask(step, "GET", f"/addresses/BTC/main/{address}/")
        elif step in ("sighting", "reveal") and self.refs:
            ref = self.chance.choice(self.refs)
            if step == "sighting":
                self._ask(step, "GET", f"/sightings/{ref}/")
            else:
                form = {"field": "wording", "reason": "classify", "go_on": "on"}
                self._ask(step, "POST", f"/sightings/{ref}/reveal/wording/", form)
        elif step in ("home", "record form"):
            self._ask(step, "GET", "/" if step == "home" else "/sightings/record/")
        else:
            body = self._ask("list", "GET", "/sightings/")[2]
            self.refs = [ref.decode() for ref in dict.fromkeys(_REF.findall(body))][:50]

    def _something(self) -> str:
        """Return what somebody may look for."""
        n = self.chance.randrange(self.crowd.sightings)
        known = self.crowd.known[n]
        return self.chance.choice(
            [known, known[:9], f"https://site{n}.example/pay", f"Brand {n % 50}", "1111111111"]
        )

    def _record(self) -> None:
        """Send the form of a page; now and then twice, as a double click does."""
        draft = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        n = self.chance.randrange(10**9)
        form = {
            **{f"{one}-{what}_FORMS": "0" for one in ("option", "account") for what in _OF_SET},
            "option-TOTAL_FORMS": "1",
            "option-0-confirm": "on",
            "option-0-rail": "crypto",
            "option-0-form": "text",
            "option-0-obtained": "seen",
            "option-0-asset": "BTC",
            "option-0-amount_min": "20",
            "option-0-address_shown": self.chance.choice(self.crowd.known),
            "draft": draft,
            "url": f"https://new{n}.example/pay",
            "brand": f"Brand {n % 50}",
            "wording": f"Made-up wording {n}.",
            "observed_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            **{"observed_precision": "minute", "obtained": "seen", "tlp": "amber"},
            **{"pap": "amber", "retention_class": "report"},
        }
        for _ in range(1 + (self.chance.random() < _TWICE)):
            status, location, _body = self._ask("record", "POST", "/sightings/record/", form)
            ref = location.strip("/").rpartition("/")[2]
            if status == 302 and self.sent.setdefault(draft, ref) != ref:
                self.errors.append(f"record: one form, two records {self.sent[draft]} {ref}")

    def _ask(
        self, step: str, method: str, path: str, form: dict[str, str] | None = None
    ) -> tuple[int, str, bytes]:
        """Send one request, note how long it took, return status, Location and body."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = None
        if form is not None:
            token = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}
            body = urlencode({**form, **token})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        begin = time.perf_counter()
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.errors.append(f"{step}: {type(error).__name__}")
            return 0, "", b""
        self.seconds[step].append(time.perf_counter() - begin)
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        if answer.status not in (200, 302) or "/accounts/" in (answer.headers["Location"] or ""):
            self.errors.append(f"{step}: {answer.status} {answer.headers['Location'] or ''}")
        return answer.status, answer.headers["Location"] or "", content


_OF_SET: Final = ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")


def _work(people: list[_Person], seconds: float) -> None:
    """Let everybody work for a time."""
    people[0].crowd.end = time.monotonic() + seconds
    threads = [threading.Thread(target=person.work) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _report(people: list[_Person], asked: argparse.Namespace) -> None:
    """Print the times of each page, and hold the database against what was sent."""
    from clewline.desk.audit import services as audit
    from clewline.desk.audit.models import Event
    from clewline.desk.records.models import Sighting

    seconds: dict[str, list[float]] = defaultdict(list)
    for person in people:
        for step, some in person.seconds.items():
            seconds[step] += some
    for step, some in sorted(seconds.items()):
        emit(
            "desk load",
            {"page": step, "requests": len(some), **quantiles(some, 1e-3, "ms")},
            goal=_GOAL,
        )
    sent = {draft: ref for person in people for draft, ref in person.sent.items()}
    rows = dict(Sighting.objects.exclude(draft=None).values_list("draft", "ref"))
    kept = {str(draft): ref for draft, ref in rows.items()}
    asked_for: Counter[str] = Counter()
    for step, some in seconds.items():
        asked_for[_ACTIONS.get(step, "")] += len(some)
    del asked_for[""]
    told = Counter(Event.objects.filter(result="done").values_list("action", flat=True))
    verdict = audit.verify_log()
    errors = Counter(error for person in people for error in person.errors)
    for error, count in errors.most_common(10):
        note(f"{count} times {error}")
    figures: dict[str, Any] = {
        "people": asked.people,
        "minutes": asked.minutes,
        "database": "PostgreSQL" if os.environ.get("CLEWLINE_DESK_DATABASE") else "SQLite",
        "requests": sum(map(len, seconds.values())),
        "records": len(sent),
        "errors": errors.total(),
        "lost": len(sent.keys() - kept.keys()),
        "doubled": Sighting.objects.count() - asked.sightings - len(kept),
        "others": sum(kept.get(draft) != ref for draft, ref in sent.items()),
        "audit_rows_missing": sum((asked_for - told).values()),
        "audit_rows_beyond": sum((told - asked_for).values()),
        "audit_fault": str(verdict.fault or ""),
    }
    figures["wrong"] = (
        sum(figures[one] for one in ("errors", "lost", "doubled", "others", "audit_rows_missing"))
        + figures["audit_rows_beyond"]
        + bool(verdict.fault)
    )
    emit("desk load, all", figures, goal=Goal("wrong", "<=", 0))


if __name__ == "__main__":
    main()
