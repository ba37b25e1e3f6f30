"""``clewline chain fetch``: marking, warning, what is printed, killed and run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import PROGRAM, answer, clewline
from tests.made_up_chain import BUSY, made_up_branch
from tests.sources.esplora_stand_in import EsploraStandIn, address
from tests.sources.node_stand_in import Reply

CASE = address(BUSY) or ""


@pytest.fixture
def stand_in() -> Iterator[EsploraStandIn]:
    with EsploraStandIn(made_up_branch().blocks) as one:
        yield one


def fetch(stand_in: EsploraStandIn, store: Path, *more: object) -> tuple[object, ...]:
    """Return the arguments of the command."""
    arguments = ("chain", "fetch", CASE, "--esplora", stand_in.url, "--store", store)
    return (*arguments, "--per-second", 0, *more)


@pytest.mark.parametrize("pap", [(), ("--pap", "amber"), ("--pap", "red")])
def test_without_a_marking_nothing_is_asked(
    pap: tuple[str, ...], stand_in: EsploraStandIn, tmp_path: Path
) -> None:
    ran = clewline(*fetch(stand_in, tmp_path / "store", *pap))
    assert ran.code == 2
    assert "--pap: an outside look-up tells whoever runs the server" in ran.err
    assert not stand_in.asked
    assert not (tmp_path / "store").exists()


def test_every_answer_is_marked(stand_in: EsploraStandIn, tmp_path: Path) -> None:
    store = tmp_path / "store"
    ran = clewline(*fetch(stand_in, store, "--pap", "green", "--hops", 0))
    assert ran.code == 0
    assert not ran.out
    lines = ran.err.splitlines()
    assert lines[0].startswith(f"note: {stand_in.url} learns every address and transaction")
    assert lines[1] == f"{CASE}: 43 of 43 transactions"
    assert "requests; regtest up to height 40, tip " in lines[-1]
    mark = "known up to height 40, fetched "
    for command in (
        ("chain", "info"),
        ("address", "show", CASE),
        ("cluster", "show", CASE),
        ("trace", "forward", CASE),
        ("trace", "compare", "backward", CASE),
    ):
        shown = json.loads(answer(*command, "--store", store, "--format", "json"))
        assert mark in shown["partial"], command
    rows = answer("chain", "export", "--table", "transactions", "--store", store).splitlines()
    assert all(mark in json.loads(row)["partial"] for row in rows)
    asked = clewline("sql", "SELECT count(*) AS n FROM outputs", "--store", store)
    assert mark in asked.err
    stranger = next(one for one in stand_in.touching if one and one not in "".join(rows))
    ran = clewline("cluster", "show", stranger, "--store", store)
    assert ran.code == 1
    assert "[not-loaded]" in ran.err
    assert "nothing wrong" in clewline("chain", "check", "--store", store).err


def test_what_is_cut_off_is_a_number(stand_in: EsploraStandIn, tmp_path: Path) -> None:
    ran = clewline(*fetch(stand_in, tmp_path / "store", "--pap", "clear", "--max-transactions", 20))
    assert ran.code == 0
    assert " of 43 transactions; the others are not loaded" in ran.err
    assert "are beyond --max-transactions 20" in ran.err


def test_killed_and_run_again(stand_in: EsploraStandIn, tmp_path: Path) -> None:
    """SIGKILL while a request is under way; what was answered before is not asked for again."""
    store, reached, go_on = tmp_path / "store", threading.Event(), threading.Event()

    def hold(_asked: str, _reply: Reply) -> None:
        if len(stand_in.asked) > 60:
            reached.set()
            go_on.wait(30)

    stand_in.change = hold
    command = [str(one) for one in (PROGRAM, *fetch(stand_in, store, "--pap", "green"))]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        assert reached.wait(60)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    stand_in.change = lambda _asked, _reply: None
    go_on.set()
    before = stand_in.asked[:-1]
    stand_in.asked.clear()
    assert clewline("chain", "info", "--store", store).code == 1
    assert clewline(*fetch(stand_in, store, "--pap", "green")).code == 0
    again = {path for path in before if path in stand_in.asked}
    unproven = {path for path in before[-3:] if path.endswith("/merkle-proof")}
    assert all(path.startswith("/block-height/") for path in again - unproven)
    assert "nothing wrong" in clewline("chain", "check", "--store", store).err
