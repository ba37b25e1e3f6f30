"""A made-up case: exchanges, addresses and amounts are invented, no real person is meant."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from clewline.reports.case import Basis, LabelSet, Movement, RunInfo, Step, Tip, Walk

HOSTILE = (
    '<script>alert(1)</script><a href="x">"\'&',
    "../../etc/passwd",
    "=HYPERLINK(1)",
    "\u202eegnahcxE",
    "Börse Ω",
    "",
)


def _hex(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _step(seed, value, time, address="yes"):
    name = f"bcrt1qmadeup{_hex(seed)[:27]}" if address else None
    return Step(_hex(seed), int(_hex(seed)[:1], 16), name, value, time, script="6a" + _hex(seed))


def movement(number, entity="Exchange A", *, steps=3, value=50_000_000, **changes):
    """Return a deposit for even numbers, a withdrawal for odd ones."""
    time = 1_704_067_200 + number * 7_777
    path = tuple(_step(f"{number}/{i}", value - i, time + i * 600) for i in range(steps))
    direction = "withdrawal" if number % 2 else "deposit"
    end = path[0] if number % 2 else path[-1]
    given = Movement(
        direction=direction,
        entity=entity,
        category="exchange",
        txid=end.txid,
        vout=end.vout,
        address=end.address,
        time=end.time,
        value=end.value,
        traced=end.value if steps < 3 else end.value // 3,
        hops=max(1, steps - 1),
        path=path,
        basis=Basis(
            kind="inherited" if number % 3 else "own",
            address=f"bcrt1qlabel{number:029d}",
            label_set="public",
            source="a made-up label list",
            confidence=70,
            confidence_words="forensic investigation",
            cluster_size=1_234 if number % 3 else None,
        ),
        script=end.script,
    )
    return replace(given, **changes)


def walks_for(movements):
    """Return walks that hold these movements and a rest of every kind."""
    found = []
    for direction in ("deposit", "withdrawal"):
        services = sum(m.traced for m in movements if m.direction == direction) + 5_000
        rest = {"unspent": 11, "mined": 0, "coinjoin": 1_300, "capped": 17, "fees": 19}
        total = services + sum(rest.values())
        found.append(Walk(direction=direction, total=total, services=services, **rest))
    return found


def run_info(**changes):
    given = RunInfo(
        version="0.1.0",
        network="regtest",
        tip=Tip(height=1_234, hash=_hex("tip"), time=1_710_000_000),
        store_digest=_hex("store"),
        method="fifo",
        limits={"max_hops": 20, "min_value": 0, "since": None, "until": None},
        label_sets=(LabelSet("public", _hex("public")), LabelSet("case 7", _hex("case"))),
        subjects=(movement(2).path[0].address, f"{_hex('4/0')}:1"),
        note="Made-up data: no exchange, address or payment on this page is real.",
    )
    return replace(given, **changes)


@pytest.fixture(scope="session")
def made():
    """Return builders of made-up parts and the hostile names."""
    return SimpleNamespace(
        movement=movement, walks_for=walks_for, run_info=run_info, hostile=HOSTILE
    )


@pytest.fixture(scope="session")
def case(made):
    """Return a run, movements at several exchanges (one of them hostile), and their walks."""
    movements = [made.movement(n, steps=1 + n % 9) for n in range(32)]
    movements += [made.movement(100 + n, entity=name) for n, name in enumerate(made.hostile)]
    movements[3] = replace(movements[3], address=None)
    movements[4] = replace(
        movements[4],
        conflicts=tuple(made.hostile),
        basis=replace(movements[4].basis, source=made.hostile[0], confidence_words="@SUM(1)"),
    )
    return SimpleNamespace(run=made.run_info(), movements=movements, walks=walks_for(movements))
