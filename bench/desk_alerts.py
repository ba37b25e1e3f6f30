"""``python -m bench.desk_alerts --recipients 200``: from "approved" to delivered.

Makes a desk up on SQLite in a temporary directory, with so many partners that take signed webhooks
from one receiver on this machine, approves an alert, and lets one worker, a process of its own,
deliver it. In the end every recipient must have it exactly once.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from bench import machine
from bench.desk_search import addresses, set_up
from bench.line import Goal, emit, note, quantiles

_GOAL: Final = Goal("seconds", "<=", 60)
_PATIENCE: Final = 120.0
_ITEMS: Final = 5
_WORK: Final = "from clewline.cli import main; main()"


class _Receiver(BaseHTTPRequestHandler):
    """Takes what is posted, and notes when, by path."""

    taken: Final[list[tuple[float, str]]] = []

    def do_POST(self) -> None:
        """Take one message."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((time.time(), self.path))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Lets as many wait as may come at once."""

    request_queue_size = 256
    daemon_threads = True


def _draft(recipients: int, url: str) -> Any:
    """Make people, partners with channels, a page and the draft; return approver and alert."""
    from clewline.desk.accounts.models import Organisation, Team, User
    from clewline.desk.alerts import services
    from clewline.desk.partners import services as partners
    from clewline.desk.records import services as records
    from clewline.desk.records.models import Address

    organisation = Organisation.objects.create(name="Hotline (made up)")
    team = Team.objects.create(organisation=organisation, name="north")
    people = {}
    for role in ("analyst", "liaison", "approver"):
        people[role] = User.objects.create_user(
            role, None, organisation=organisation, roles=[role], pseudonym=role
        )
        people[role].teams.add(team)
    shown = addresses(_ITEMS)
    options = tuple(records.OptionDraft(asset="BTC", chain="BTC", address=one) for one in shown)
    seen = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    page = records.SightingDraft(observed_at=seen, options=options, tlp="green", pap="green")
    records.record(people["analyst"], page)
    made = []
    terms: dict[str, Any] = {"kind": "exchange", "country": "GB", "purposes": ["screening"]}
    for number in range(recipients):
        one = partners.enter(people["liaison"], team, f"Exchange {number} (made up)", **terms)
        partners.log_call(people["liaison"], one, "made up", confirmed=True)
        made.append(partners.activate(people["approver"], one))
        place = f"{url}/{one.ref}"
        services.open_channel(people["liaison"], team, one, "webhook", place, "made-up")
    rows = list(Address.objects.filter(canonical__in=shown))
    alert = services.make(people["liaison"], team, rows, made, tlp="green", pap="green")
    return people["approver"], alert


def run(recipients: int) -> None:
    """Measure one alert."""
    server = _Server(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["CLEWLINE_ALERT_NETWORKS"] = "127.0.0.1"
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "desk"
        set_up(home)
        from clewline.desk.alerts import services
        from clewline.desk.alerts.models import Receipt

        approver, alert = _draft(recipients, f"http://127.0.0.1:{server.server_port}")
        command = [sys.executable, "-c", _WORK, "desk", "work", "--home", str(home)]
        worker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(5)  # it starts
        note(f"approving an alert for {recipients} recipients")
        began = time.time()
        services.decide(approver, alert, released=True)
        approved = time.time()
        while Receipt.objects.count() < recipients and time.time() - approved < _PATIENCE:
            time.sleep(0.05)
        done = time.time()
        worker.terminate()
        worker.wait(30)
        counts = Counter(path for _, path in _Receiver.taken)
        figures: dict[str, Any] = {"recipients": recipients, "items": _ITEMS}
        figures |= {"approval_s": approved - began, "seconds": done - approved}
        figures |= quantiles([at - approved for at, _ in _Receiver.taken], 1.0, "s")
        emit("desk.alert", figures, goal=_GOAL)
        if len(counts) != recipients or set(counts.values()) != {1}:
            raise SystemExit(f"lost or doubled: {len(counts)} recipients, {sum(counts.values())}")
    server.shutdown()


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=200)
    asked = parser.parse_args()
    emit("machine", machine.describe())
    run(asked.recipients)


if __name__ == "__main__":
    main()
