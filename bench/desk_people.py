"""People at the desk, for `bench.desk_load`: what each role does, by page and by program.

Everybody keeps what was acknowledged to them, by kind, so that it can be held against the database
in the end; and counts every answer by the action and result that the audit log must have of it.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

TWICE: Final = 0.05
"""How often something is sent a second time, as after a double click or a lost answer."""
ROWS: Final = 50
"""Of an import."""
STEPS: Final[dict[str, dict[str, int]]] = {
    "analyst": {
        **{"record": 25, "record by program": 5, "sighting": 20, "list": 12, "search": 15},
        **{"address": 10, "reveal": 5, "home": 5, "record form": 3},
        **{"import": 2, "claim": 5, "alert": 3},
    },
    "investigator": {"case": 2, "task": 10, "end task": 8, "case page": 6, "search": 5},
    "liaison": {"draft": 12, "look-ups": 4, "home": 3},
    "approver": {"release": 12, "approve": 10, "home": 3},
    "partner": {"ask": 6, "asked": 5, "read answer": 4},
}
"""Role → what people do, and how often."""
ACTIONS: Final = {
    "record": "sighting.record",
    "record by program": "sighting.record",
    "record form": "sighting.record",
    "sighting": "sighting.read",
    "list": "sighting.list",
    "search": "search.read",
    "address": "address.read",
    "reveal": "sighting.reveal",
    "home": "home.read",
    "queue": "home.read",
    "take": "queue.take",
    "leave": "queue.take",
    "import: begin": "import.make",
    "import: part": "import.make",
    "import: check": "import.make",
    "import: record": "import.record",
    "alert": "alert.make",
    "alerts": "alert.list",
    "approve": "alert.decide",
    "case": "case.open",
    "member": "case.members",
    "task": "case.task",
    "end task": "case.task",
    "case page": "case.read",
    "ask": "lookup.ask",
    "asked": "lookup.own",
    "read answer": "lookup.own",
    "look-ups": "lookup.list",
    "waiting": "lookup.list",
    "call": "lookup.call",
    "draft": "lookup.draft",
    "release": "lookup.release",
}
"""What is asked → the action of which the audit log must tell."""
MAY_REFUSE: Final = {"take": (400, 404), "release": (400,)}
"""What others may be quicker at: they took the item, or recorded what changes an answer."""
RESULTS: Final = {200: "done", 201: "done", 302: "done", 400: "refused", 404: "not found"}
_REF: Final = re.compile(rb"S-[0-9A-Z]{5}-[0-9A-Z]{5}")
_OF_SET: Final = ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")
_MARKS: Final = {"tlp": "amber", "pap": "amber"}
_ASKED: Final = {
    **{"purpose": "investigation", "legal_basis": "statute", "offence": "made-up offence"},
    **{"necessity": "made up", "requester": "made up", "requester_role": "constable"},
    **{"authoriser": "made up", "authoriser_rank": "inspector", "reply_route": "portal"},
}


@dataclass
class Crowd:
    """What all people share: `of_team` is team → addresses that it saw at the start."""

    port: int
    pause: float
    of_team: dict[str, list[str]]
    end: float = 0.0


@dataclass(frozen=True)
class Account:
    """Who somebody is, and with what their program asks."""

    name: str
    pseudonym: str
    role: str
    team: str
    partner_ref: str
    token: str
    colleague: str


@dataclass
class Person:
    """Somebody who works at the desk.

    Attributes
    ----------
    kept : dict
        Kind → references that were acknowledged.
    sent : dict
        Id of a form → reference of the record that it became.
    told : Counter
        Action and result → how often the audit log must say so.
    """

    crowd: Crowd
    account: Account
    seed: int
    cookies: dict[str, str] = field(default_factory=dict)
    refs: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    kept: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[str, str] = field(default_factory=dict)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    open_tasks: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.crowd.port, timeout=60)
        self.known = self.crowd.of_team[self.account.team]

    def work(self) -> None:
        """Sign in, then do one thing after the other until the end."""
        time.sleep(self.chance.random() * self.crowd.pause)
        self._page("sign-in page", "GET", "/accounts/login/")
        self._page("sign in", "POST", "/step-in/", {"username": self.account.name})
        steps = STEPS[self.account.role]
        while time.monotonic() < self.crowd.end:
            time.sleep(self.chance.expovariate(1 / self.crowd.pause))
            name = self.chance.choices(list(steps), list(steps.values()))[0]
            getattr(self, "_" + re.sub("[ -]", "_", name))()

    # --- Analysts -----------------------------------------------------------------------------

    def _record(self) -> None:
        """Send the form of a page; now and then twice."""
        draft, n = self._id(), self.chance.randrange(10**9)
        form = {
            **{f"{one}-{what}_FORMS": "0" for one in ("option", "account") for what in _OF_SET},
            "option-TOTAL_FORMS": "1",
            **{"option-0-confirm": "on", "option-0-rail": "crypto", "option-0-form": "text"},
            **{"option-0-obtained": "seen", "option-0-asset": "BTC", "option-0-amount_min": "20"},
            "option-0-address_shown": self.chance.choice(self.known),
            "draft": draft,
            "url": f"https://new{n}.example/pay",
            "brand": f"Brand {n % 50}",
            "wording": f"Made-up wording {n}.",
            "observed_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            **{"observed_precision": "minute", "obtained": "seen", "retention_class": "report"},
            **_MARKS,
        }
        for _ in range(1 + self._twice()):
            status, location, _body = self._page("record", "POST", "/sightings/record/", form)
            if status == 302:
                self._once(draft, location.strip("/").rpartition("/")[2])

    def _record_by_program(self) -> None:
        """Record as a report system does."""
        draft = self._id()
        option = {"asset": "BTC", "chain": "BTC", "address": self.chance.choice(self.known)}
        page = {"observed_at": datetime.now(UTC).isoformat(), "draft": draft, "options": [option]}
        made = self._api("record by program", "POST", "/sightings", page)
        if made:
            self._once(draft, made["ref"])

    def _once(self, draft: str, ref: str) -> None:
        """Keep what became of a form; there is one record of it, however often it was sent."""
        if self.sent.setdefault(draft, ref) != ref:
            self.errors.append(f"record: one form, two records {self.sent[draft]} {ref}")

    def _sighting(self) -> None:
        """Open a sighting."""
        if self.refs:
            self._page("sighting", "GET", f"/sightings/{self.chance.choice(self.refs)}/")

    def _reveal(self) -> None:
        """Reveal the wording of one."""
        if self.refs:
            form = {"field": "wording", "reason": "classify", "go_on": "on"}
            ref = self.chance.choice(self.refs)
            self._page("reveal", "POST", f"/sightings/{ref}/reveal/wording/", form)

    def _list(self) -> None:
        """List sightings."""
        body = self._page("list", "GET", "/sightings/")[2]
        self.refs = [ref.decode() for ref in dict.fromkeys(_REF.findall(body))][:50]

    def _search(self) -> None:
        """Look for something that is there, or not."""
        known = self.chance.choice(self.known)
        n = self.chance.randrange(1000)
        asked = [known, known[:9], f"https://site{n}.example/pay", f"Brand {n % 50}", "1111111111"]
        self._page("search", "POST", "/search/", {"q": self.chance.choice(asked)})

    def _address(self) -> None:
        """Open an address."""
        self._page("address", "GET", f"/addresses/BTC/main/{self.chance.choice(self.known)}/")

    def _home(self) -> None:
        """Open the first page."""
        self._page("home", "GET", "/")

    def _record_form(self) -> None:
        """Open the form of a page."""
        self._page("record form", "GET", "/sightings/record/")

    def _import(self) -> None:
        """Import rows: begun on the page or by program, checked and recorded by program."""
        n = self.chance.randrange(10**9)
        name, rows = f"made up {n}", ["observed_at,asset,address,neutral_summary"]
        rows += [
            f"2026-01-02 10:30,BTC,{self.chance.choice(self.known)},Row {n}-{one}"
            for one in range(ROWS)
        ]
        text = "\n".join(rows) + "\n"
        if self.chance.random() < 0.5:
            form = {"name": name, "form": "csv", "text": text, "team": self.account.team}
            asked = {**form, "tlp": "amber"}
            _, location, _ = self._page("import: begin", "POST", "/imports/begin/", asked)
            ref = location.strip("/").rpartition("/")[2]
        else:
            job = self._api("import: begin", "POST", "/imports", {"name": name, "form": "csv"})
            ref = job["ref"] if job else ""
            if ref:
                part = {"part": 1, "text": text}
                self._api("import: part", "POST", f"/imports/{ref}/parts", part)
        if not ref:
            return
        self.kept["import"].append(ref)
        for step in ("check", "record"):
            done = False
            while not done:
                said = self._api(f"import: {step}", "POST", f"/imports/{ref}/{step}", {})
                done = not said or said["done"]
                if said and step == "record":
                    self.kept["imported"] += said["refs"]

    def _claim(self) -> None:
        """Take what stands first in the queue and is free, and leave it; others may be quicker."""
        queue = self._api("queue", "GET", "/queue?limit=20")
        free = [one["key"] for one in queue["items"] if one["taken_by"] is None] if queue else []
        if not free:
            return
        key = {"key": self.chance.choice(free[:5])}
        if self._api("take", "POST", "/queue/take", key):
            self.kept["claim"].append(key["key"])
            if self.chance.random() < 0.5:
                self._page("leave", "POST", "/today/leave/", key)
            else:
                self._api("leave", "POST", "/queue/leave", key)

    def _alert(self) -> None:
        """Draft an alert, on the page or by program."""
        address = self.chance.choice(self.known)
        if self.chance.random() < 0.5:
            form = {"what": address, "team": self.account.team, **_MARKS}
            form |= {"strength": "mention", "confidence": "web_crawl"}
            form["partners"] = self.account.partner_ref
            _, location, _ = self._page("alert", "POST", "/alerts/new/", form)
            self._keep("alert", location)
        else:
            body = {"what": [address], "partners": [self.account.partner_ref]}
            made = self._api("alert", "POST", "/alerts", body)
            self._keep("alert", made["ref"] if made else "")

    # --- Investigators ------------------------------------------------------------------------

    def _case(self) -> None:
        """Open a case, on the page or by program, and let a colleague in."""
        named = {"codename": f"Case {self.chance.randrange(10**9)}", "legal_basis": "made up"}
        if self.chance.random() < 0.5:
            form = {**named, "team": self.account.team, "sealed": "on"}
            ref = self._page("case", "POST", "/cases/open/", form)[1].strip("/").rpartition("/")[2]
        else:
            made = self._api("case", "POST", "/cases", named)
            ref = made["ref"] if made else ""
        if ref:
            self._keep("case", ref)
            who = {"member": self.account.colleague, "why": "made up"}
            self._api("member", "POST", f"/cases/{ref}/members", who)

    def _task(self) -> None:
        """Set a task in one of one's cases."""
        if not self.kept["case"]:
            return self._case()
        ref = self.chance.choice(self.kept["case"])
        task = {"text": "made up", "owner": self.account.pseudonym}
        made = self._api("task", "POST", f"/cases/{ref}/tasks", task)
        if made:
            self._keep("task", made["ref"])
            self.open_tasks.append((ref, made["ref"]))
        return None

    def _end_task(self) -> None:
        """End a task, on the page or by program."""
        if not self.open_tasks:
            return
        case, task = self.open_tasks.pop(self.chance.randrange(len(self.open_tasks)))
        outcome = {"outcome": self.chance.choice(("done", "dropped"))}
        if self.chance.random() < 0.5:
            status = self._page("end task", "POST", f"/cases/{case}/tasks/{task}/end/", outcome)[0]
            self._keep("ended", task if status == 302 else "")
        else:
            said = self._api("end task", "POST", f"/cases/{case}/tasks/{task}/end", outcome)
            self._keep("ended", task if said else "")

    def _case_page(self) -> None:
        """Open one of one's cases."""
        if self.kept["case"]:
            self._page("case page", "GET", f"/cases/{self.chance.choice(self.kept['case'])}/")

    # --- Look-ups and alerts: partner, liaison, approver --------------------------------------

    def _ask(self) -> None:
        """Ask of an address that is known, on the page or by program."""
        address = self.chance.choice(self.known)
        if self.chance.random() < 0.5:
            form = {**_ASKED, "identifiers": address}
            self._keep("look-up", self._page("ask", "POST", "/asked/ask/", form)[1])
        else:
            made = self._api("ask", "POST", "/asked", {**_ASKED, "identifiers": [address]})
            self._keep("look-up", made["ref"] if made else "")

    def _asked(self) -> None:
        """List what one's organisation asked."""
        self._page("asked", "GET", "/asked/")

    def _read_answer(self) -> None:
        """Read what became of a request."""
        if self.kept["look-up"]:
            ref = self.chance.choice(self.kept["look-up"])
            self._api("read answer", "GET", f"/asked/{ref}")

    def _look_ups(self) -> None:
        """List look-ups."""
        self._page("look-ups", "GET", "/lookups/")

    def _draft(self) -> None:
        """Call back who waits longest, and draft an answer."""
        for one in self._waiting("call", "draft", "correct"):
            ref = one["ref"]
            if one["what"] == "call":
                said = {"how": "switchboard (made up)", "confirmed": True}
                self._api("call", "POST", f"/lookups/{ref}/call", said)
            if self.chance.random() < 0.5:
                self._page("draft", "POST", f"/lookups/{ref}/draft/", {})
            else:
                self._api("draft", "POST", f"/lookups/{ref}/draft", {})

    def _release(self) -> None:
        """Release the draft that waits longest; send it back if records changed since."""
        for one in self._waiting("check"):
            path = f"/lookups/{one['ref']}/release"
            if self._api("release", "POST", path, {"agreed": True}):
                self._keep("release", one["ref"])
            else:
                self._page("release", "POST", f"{path}/", {"send_back": "1"})

    def _waiting(self, *stages: str) -> list[dict[str, Any]]:
        """Return the first look-up for which one of some things must be done."""
        said = self._api("waiting", "GET", "/lookups/waiting")
        return [one for one in said["items"] if one["what"] in stages][:1] if said else []

    def _approve(self) -> None:
        """Approve the latest alert that waits, on the page or by program."""
        said = self._api("alerts", "GET", "/alerts?limit=100")
        open_ = [one["ref"] for one in said["items"] if one["released"] is None] if said else []
        for ref in open_[-1:]:
            if self.chance.random() < 0.5:
                form = {"release": "1"}
                status = self._page("approve", "POST", f"/alerts/{ref}/decide/", form)[0]
                self._keep("approved", ref if status == 302 else "")
            else:
                done = self._api("approve", "POST", f"/alerts/{ref}/decide", {"agreed": True})
                self._keep("approved", ref if done else "")

    # --- Requests -----------------------------------------------------------------------------

    def _keep(self, kind: str, place: str) -> None:
        """Keep a reference that was acknowledged, or that stands in a Location."""
        if ref := place.strip("/").rpartition("/")[2]:
            self.kept[kind].append(ref)

    def _id(self) -> str:
        """Return a random UUID."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def _twice(self) -> bool:
        """Tell whether something is sent twice."""
        return self.chance.random() < TWICE

    def _page(
        self, step: str, method: str, path: str, form: dict[str, str] | None = None
    ) -> tuple[int, str, bytes]:
        """Ask as a browser; return status, Location and body."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = None
        if form is not None:
            token = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}
            body = urlencode({**form, **token})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer, content = self._send(step, method, path, body, headers)
        if answer is None:
            return 0, "", b""
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        location = answer.headers["Location"] or ""
        if method == "POST" and answer.status == 200 and step not in ("search", "reveal"):
            self.errors.append(f"{step}: the form was shown again")
        return answer.status, location, content

    def _api(self, step: str, method: str, path: str, body: object = None) -> Any:
        """Ask as a program; return what was answered, None if it was refused.

        A change carries a key; now and then it is sent twice and must be answered alike.
        """
        headers = {"Authorization": f"Bearer {self.account.token}"}
        sent = None
        if method == "POST":
            sent = json.dumps(body)
            headers |= {"Content-Type": "application/json", "Idempotency-Key": self._id()}
        answer, content = self._send(step, method, f"/api{path}", sent, headers)
        if answer is None or answer.status not in (200, 201):
            return None
        if method == "POST" and self._twice():
            _, again = self._send(step, method, f"/api{path}", sent, headers)
            if again != content:
                self.errors.append(f"{step}: answered otherwise the second time")
        return json.loads(content)

    def _send(
        self, step: str, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse | None, bytes]:
        """Send one request, note how long it took and what the audit log must say of it."""
        begin = time.perf_counter()
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.errors.append(f"{step}: {type(error).__name__}")
            return None, b""
        self.seconds[step].append(time.perf_counter() - begin)
        if step in ACTIONS:
            result = RESULTS.get(answer.status, str(answer.status))
            self.told[ACTIONS[step], result] += 1
        good = (200, 201, 302, *MAY_REFUSE.get(step, ()))
        location = answer.headers["Location"] or ""
        if answer.status not in good or "/accounts/" in location:
            self.errors.append(f"{step}: {answer.status} {location} {content[:200].decode()}")
        return answer, content
