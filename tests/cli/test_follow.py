"""``chain follow``: what it shows, how it starts, and how Ctrl-C and SIGTERM end it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.builders import Branch
from tests.cli.command import Ran, answer, clewline, files
from tests.cli.conftest import MadeUp
from tests.cli.records import HEAD, Records
from tests.sources.node_stand_in import NodeStandIn, Reply

from clewline.cli.stopping import Stop, stoppable

PROGRAM = (
    "import signal; from clewline.cli import main; "
    # A shell that runs the tests in the background may have had it ignored.
    "signal.signal(signal.SIGINT, signal.default_int_handler); main()"
)
SECONDS = 60.0


@pytest.fixture(scope="session")
def blocks(records: Records) -> list[bytes]:
    return [record[HEAD:] for record in records.blocks]


@pytest.fixture
def node(blocks: list[bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeStandIn]:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "0")
    for name in ("COOKIE", "USER", "PASSWORD"):
        monkeypatch.delenv(f"CLEWLINE_RPC_{name}", raising=False)
    with NodeStandIn(blocks[:-5]) as stand_in:
        yield stand_in


class Running:
    """The program as a process, and what it has written to standard error so far."""

    def __init__(self, *arguments: object, terminal: bool) -> None:
        self.err = ""
        read, write = pty.openpty() if terminal else os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=write,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "200"},
        )
        os.close(write)
        self._reading = Thread(target=self._read, args=(read,))
        self._reading.start()

    def _read(self, source: int) -> None:
        """Read to the end, which a terminal tells as an error."""
        with suppress(OSError):
            while piece := os.read(source, 1 << 16):
                self.err += piece.decode()
        os.close(source)

    def wait_for(self, pattern: str) -> None:
        """Wait until standard error holds a pattern."""
        wait_until(lambda: bool(re.search(pattern, self.err)) or self._process.poll() is not None)
        assert re.search(pattern, self.err), self.err

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> Ran:
        """Wait for the end."""
        out, _ = self._process.communicate(timeout=SECONDS)
        self._reading.join(SECONDS)
        return Ran(self._process.returncode, out.decode(), self.err)

    def kill(self) -> None:
        self._process.kill()
        self.end()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def running(*arguments: object, terminal: bool = False) -> Iterator[Running]:
    process = Running("chain", "follow", "--interval", 0.1, *arguments, terminal=terminal)
    try:
        yield process
    finally:
        process.kill()


def digest(store: Path) -> str:
    return answer("chain", "info", "--store", store, "--format", "json")


def test_once(case: MadeUp, node: NodeStandIn, blocks: list[bytes], tmp_path: Path) -> None:
    store = tmp_path / "store"
    ran = clewline("chain", "follow", "--once", "--store", store, "--rest", node.url)
    assert (ran.code, ran.out) == (0, ""), ran.err
    height = len(blocks) - 6
    assert ran.err.splitlines()[0] == f"nothing stored yet; {height + 1} blocks behind"
    assert re.fullmatch(
        rf"regtest at height {height}; 0 blocks behind; [\d,]+ s since its header time; "
        rf"tip {node.chain[-1]}",
        ran.err.splitlines()[1],
    )
    node.follow(blocks)
    (tmp_path / "cookie").write_text(node.login)
    way = ("--rpc", node.url, "--rpc-cookie", tmp_path / "cookie")
    ran = clewline("chain", "follow", "--once", "--store", store, *way)
    assert ran.code == 0, ran.err
    assert len(ran.err.splitlines()) == 2
    assert digest(store) == digest(case.store)
    before = files(store)
    ran = clewline("chain", "follow", "--once", "--store", store, "--core-blocks", case.blocks)
    assert ran.code == 0, ran.err
    assert files(store) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_between_two_imports(
    case: MadeUp, node: NodeStandIn, blocks: list[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    """One line for each new tip and for each reorganisation, none for rounds without news."""
    store = tmp_path / "store"
    with running("--store", store, "--rest", node.url) as process:
        process.wait_for(rf"tip {node.chain[-1]}\n")
        asked = len(node.asked)
        wait_until(lambda: len(node.asked) > asked + 5)
        node.follow(blocks[:-4])
        process.wait_for(rf"tip {node.chain[-1]}\n")
        node.follow(blocks)
        process.wait_for(rf"tip {node.chain[-1]}\n")
        process.send(number)
        ran = process.end()
    assert (ran.code, ran.out) == (128 + number, "")
    shown = [re.sub("; [0-9,]+ s .*", "", line) for line in ran.err.splitlines()]
    tip = len(blocks) - 1
    assert shown == [
        f"nothing stored yet; {tip - 4} blocks behind",
        f"regtest at height {tip - 5}; 0 blocks behind",
        f"regtest at height {tip - 4}; 0 blocks behind",
        f"regtest at height {tip - 4}; 4 blocks behind",
        f"regtest at height {tip}; 0 blocks behind",
        "stopped; the store keeps its last tip",
    ]
    assert digest(store) == digest(case.store)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_an_import(
    node: NodeStandIn, blocks: list[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    """It does not wait for a node that owes an answer, and a second signal changes nothing."""
    store = tmp_path / "store"
    clewline("chain", "import", "--store", store, "--rest", node.url)
    before = files(store)
    node.follow(blocks)
    reached, release = Event(), Event()

    def hold(asked: str, _reply: Reply) -> None:
        if "/block/" in asked:
            reached.set()
            release.wait(SECONDS)

    node.change = hold
    try:
        with running("--store", store, "--rest", node.url) as process:
            assert reached.wait(SECONDS)
            process.send(number)
            process.send(number)
            ran = process.end()
    finally:
        release.set()
    assert ran.code == 128 + number
    assert "Traceback" not in ran.err
    assert ran.err.endswith("stopped; the store keeps its last tip\n")
    assert files(store) == before


def test_line_is_renewed_on_a_terminal(
    node: NodeStandIn, blocks: list[bytes], tmp_path: Path
) -> None:
    with running("--store", tmp_path / "store", "--rest", node.url, terminal=True) as process:
        process.wait_for(r"; 0 blocks behind")
        begun = len(process.err)
        wait_until(lambda: process.err[begun:].count("0 blocks behind") >= 4)
        # In place: back to the start of the line and erased, and no new line.
        assert "\n" not in process.err[begun:]
        assert process.err[begun:].count("\r\x1b[2K") >= 3
        node.follow(blocks)
        process.wait_for(f"height {len(blocks) - 1};")
        process.send(signal.SIGINT)
        ran = process.end()
    assert ran.code == 130
    assert "Traceback" not in ran.err
    assert ran.err.endswith("stopped; the store keeps its last tip\r\n")


def test_reorganisation_and_restart_are_told(
    node: NodeStandIn, blocks: list[bytes], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with running("--store", store, "--rest", node.url) as process:
        process.wait_for(r"tip ")
        node.stop()
        process.wait_for(r"\n[^\n]*; waiting: [^\n]*no answer")
        node.start()
        process.wait_for(r"waiting: (.*\n)+.*; 0 blocks behind")
        longer = Branch()
        for _ in range(len(node.chain)):
            longer.add()
        node.follow(longer.raw)
        process.wait_for(rf"tip {node.chain[-1]}\n")
        process.send(signal.SIGTERM)
        ran = process.end()
    assert f"\nreorganisation: {len(longer.raw) - 2} blocks were taken back\n" in ran.err
    assert ran.code == 143


def test_start_is_refused(store: Path, node: NodeStandIn, tmp_path: Path) -> None:
    with (store / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = clewline("chain", "follow", "--store", store, "--rest", node.url)
        assert ran.code == 1
        assert "[store-locked]" in ran.err
    node.stop()
    ran = clewline("chain", "follow", "--store", store, "--rest", node.url)
    assert ran.code == 1
    assert "[node]" in ran.err
    for options in (
        (),
        ("--rest", node.url, "--core-blocks", tmp_path),
        ("--rest", node.url, "--rpc-cookie", "cookie"),
        ("--rest", node.url, "--interval", "0"),
    ):
        ran = clewline("chain", "follow", "--store", store, *options)
        assert (ran.code, ran.out) == (2, ""), ran.err


def test_signal_that_is_lost_is_raised_again(capfd: pytest.CaptureFixture[str]) -> None:
    """Python drops what is raised in a finaliser, or in a callback of the compiler."""

    class Finalised:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    hook = sys.unraisablehook
    with stoppable() as stopper:
        stopper.check()
        Finalised()
        with pytest.raises(Stop) as caught:
            stopper.check()
    assert caught.value.exit_code == 143
    assert capfd.readouterr().err == ""
    assert sys.unraisablehook is hook
    with stoppable() as stopper, pytest.raises(Stop), stopper.deferring():
        signal.raise_signal(signal.SIGINT)
        done = True
    assert done


def test_handlers_are_put_back(store: Path, case: MadeUp) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    answer("chain", "follow", "--once", "--store", store, "--core-blocks", case.blocks)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
