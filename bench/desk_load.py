"""``python -m bench.desk_load --people 50 --minutes 10``: many people at the desk at once.

Starts the real server on a made-up desk, on SQLite or on a PostgreSQL that is there for it alone.
Analysts record, import, search, claim and draft alerts; partners ask, liaisons draft, approvers
release and approve, investigators keep cases with tasks: through pages and the API, with pauses in
between, and now and then something is sent twice. In the end nothing may be lost or doubled: what
was acknowledged is held against the database and the audit log.
"""

from __future__ import annotations

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench import machine
from bench.desk_people import ACTIONS, Account, Crowd, Person
from bench.desk_search import addresses, set_up
from bench.line import Goal, emit, note, quantiles

_GOAL: Final = Goal("p95_ms", "<=", 300)
_PAUSE: Final = 3.0
_OF_A_TEAM: Final = 10
_ROLES: Final = ("liaison", "approver", "investigator", "partner")
"""One a team; all others are analysts."""


def main() -> None:
    """Make the desk, start the server, let people work, count."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk_load", description=__doc__)
    parser.add_argument("--people", type=int, default=50, help="at least 5")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--database",
        choices=["sqlite", "postgres"],
        default="sqlite",
        help="postgres starts a cluster that is gone afterwards",
    )
    parser.add_argument("--sightings", type=int, default=1000, help="recorded before")
    parser.add_argument("--pause", type=float, default=_PAUSE, help="mean seconds between requests")
    parser.add_argument("--port", type=int, default=8775)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    emit("machine", machine.describe())
    with ExitStack() as stack:
        os.environ.pop("CLEWLINE_DESK_DATABASE", None)
        if asked.database == "postgres":
            from tools.postgres import cluster

            os.environ["CLEWLINE_DESK_DATABASE"] = stack.enter_context(cluster())
        temporary = tempfile.TemporaryDirectory(prefix="clewline-desk-load-")
        home = Path(stack.enter_context(temporary)) / "desk"
        set_up(home)
        accounts, known = _fill(max(5, asked.people), asked.sightings)
        before = _last_event()
        server = _start(home, asked.port)
        try:
            _wait(asked.port)
            crowd = Crowd(asked.port, asked.pause, known)
            people = [Person(crowd, one, asked.seed + n) for n, one in enumerate(accounts)]
            _work(people, asked.minutes * 60)
        finally:
            server.terminate()
            server.wait(30)
        _report(people, asked, before)
        _close()


def _fill(count: int, sightings: int) -> tuple[list[Account], dict[str, list[str]]]:
    """Make teams of people, each with a partner, and records through the desk's own services."""
    from clewline.desk.accounts.models import Organisation, Team, User
    from clewline.desk.records import services as records

    begin = time.perf_counter()
    accounts: list[Account] = []
    made: dict[str, list[Any]] = {}
    known: dict[str, list[str]] = {}
    organisation = Organisation.objects.create(name="Made up")
    every = max(1, count // _OF_A_TEAM)
    for number in range(every):
        team = Team.objects.create(organisation=organisation, name=f"Team {number}")
        people: list[Any] = []
        for n in range(number, count, every):
            place = len(people)
            role = _ROLES[place] if place < len(_ROLES) else "analyst"
            partner = _partner(team, people[0], people[1]) if role == "partner" else None
            user = User.objects.create_user(
                f"made-up-{n}",
                organisation=organisation,
                roles=[role],
                pseudonym=f"A-{n:05}",
                partner=partner,
            )
            if partner is None:
                user.teams.add(team)
            people.append(user)
        partner = people[3].partner
        made[team.name] = people[4:]
        accounts += [_account(one, team.name, partner, people[4].pseudonym) for one in people]
        known[team.name] = []
    for n, address in enumerate(addresses(sightings)):
        name = list(made)[n % every]
        option = records.OptionDraft(asset="BTC", address=address, amount_min="20")
        records.record(
            made[name][n // every % len(made[name])],
            records.SightingDraft(
                observed_at=datetime.now(UTC),
                brand=f"Brand {n % 50}",
                url=f"https://site{n}.example/pay",
                wording=f"Made-up wording {n}.",
                options=(option,),
            ),
        )
        known[name].append(address)
    note(f"filled in {time.perf_counter() - begin:.0f} s")
    return accounts, known


def _partner(team: Any, liaison: Any, approver: Any) -> Any:
    """Enter a partner that fetches its alerts, call it back, agree to its terms."""
    from clewline.desk.alerts import services as alerts
    from clewline.desk.partners import services

    made = services.enter(
        liaison,
        team,
        f"Partner of {team.name}",
        kind="agency",
        country="GB",
        clearance="amber",
        pap="amber",
        handling=["P", "C"],
        purposes=["investigation"],
    )
    services.log_call(liaison, made, "switchboard (made up)", confirmed=True)
    alerts.open_channel(liaison, team, made, "pull")
    return services.activate(approver, made)


def _account(user: Any, team: str, partner: Any, colleague: str) -> Account:
    """Return who somebody is, with a token for all that their role may do."""
    from clewline.desk.accounts import services
    from clewline.desk.roles import ACTIONS as ALL

    token = services.new_token(user, "load", [name for name in ALL if user.may(name)], 5)
    role = user.roles[0]
    return Account(user.username, user.pseudonym, role, team, partner.ref, token, colleague)


def _last_event() -> int:
    """Return the number of the last row of the audit log."""
    from clewline.desk.audit.models import Event

    last = Event.objects.order_by("-seq").first()
    return last.seq if last else 0


def _close() -> None:
    """Let go of the database, so that its cluster can end."""
    from django.db import connections

    connections.close_all()


def _start(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server as people do."""
    _close()
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


def _work(people: list[Person], seconds: float) -> None:
    """Let everybody work for a time."""
    people[0].crowd.end = time.monotonic() + seconds
    threads = [threading.Thread(target=person.work) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _report(people: list[Person], asked: argparse.Namespace, before: int) -> None:
    """Print the times of each step, and hold database and audit log against what people keep."""
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
    counts = {kind: _held_against(people, kind, rows) for kind, rows in _in_database().items()}
    sent = {draft: ref for person in people for draft, ref in person.sent.items()}
    rows = Sighting.objects.exclude(draft=None).filter(draft__in=list(sent))
    kept = {str(draft): ref for draft, ref in rows.values_list("draft", "ref")}
    total = asked.sightings + len(kept) + counts["imported"]["kept"]
    counts["record"] = {
        "kept": len(sent),
        "lost": len(sent.keys() - kept.keys()),
        "beyond": Sighting.objects.count()
        - total
        + sum(kept.get(draft, ref) != ref for draft, ref in sent.items()),
    }
    for kind, figures in sorted(counts.items()):
        emit("desk load, kept", {"what": kind, **figures})
    must: Counter[tuple[str, str]] = Counter()
    for person in people:
        must += person.told
    of_people = Event.objects.filter(seq__gt=before, action__in=set(ACTIONS.values()))
    told = Counter(of_people.values_list("action", "result"))
    verdict = audit.verify_log()
    errors = Counter(error for person in people for error in person.errors)
    for error, count in errors.most_common(10):
        note(f"{count} times {error}")
    all_ = [one for some in seconds.values() for one in some]
    all_figures: dict[str, Any] = {
        "people": len(people),
        "minutes": asked.minutes,
        "database": "PostgreSQL" if os.environ.get("CLEWLINE_DESK_DATABASE") else "SQLite",
        "requests": len(all_),
        **quantiles(all_, 1e-3, "ms"),
        "records": sum(one["kept"] for one in counts.values()),
        "errors": errors.total(),
        "lost": sum(one["lost"] for one in counts.values()),
        "doubled": sum(one["beyond"] for one in counts.values()),
        "audit_rows_missing": (must - told).total(),
        "audit_rows_beyond": (told - must).total(),
        "audit_fault": str(verdict.fault or ""),
    }
    wrong = ("errors", "lost", "doubled", "audit_rows_missing", "audit_rows_beyond")
    all_figures["wrong"] = sum(all_figures[one] for one in wrong) + bool(verdict.fault)
    emit("desk load, all", all_figures, goal=Goal("wrong", "<=", 0))


def _in_database() -> dict[str, list[str]]:
    """Return kind → references of the rows that people made; what is there twice stands twice."""
    from clewline.desk.alerts.models import Alert, AlertDecision
    from clewline.desk.bulk.models import Import, Row
    from clewline.desk.cases.models import Case, Task, TaskEnd
    from clewline.desk.lookups.models import LookUp, Release
    from clewline.desk.queue.models import Claim

    def refs(rows: Any, name: str = "ref") -> list[str]:
        return list(rows.values_list(name, flat=True))

    return {
        "import": refs(Import.objects),
        "imported": refs(Row.objects.exclude(sighting=None), "sighting__ref"),
        "claim": refs(Claim.objects, "key"),
        "alert": refs(Alert.objects),
        "approved": refs(AlertDecision.objects, "alert__ref"),
        "case": refs(Case.objects),
        "task": refs(Task.objects),
        "ended": refs(TaskEnd.objects, "task__ref"),
        "look-up": refs(LookUp.objects),
        "release": refs(Release.objects.filter(released=True), "draft__look_up__ref"),
    }


def _held_against(people: Iterable[Person], kind: str, rows: list[str]) -> dict[str, int]:
    """Return how much was acknowledged, how much of it is missing, and what is there beyond."""
    kept = Counter(ref for person in people for ref in person.kept[kind])
    there = Counter(rows)
    return {
        "kept": kept.total(),
        "lost": (kept - there).total(),
        "beyond": (there - kept).total(),
    }


if __name__ == "__main__":
    main()
