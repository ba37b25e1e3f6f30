"""Walks every import of the package and holds the table of rooms in ARCHITECTURE.md."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "clewline"
EVERYWHERE = {"errors", "settings", "jit"}

# Clewline runs no other program, visits nothing, loads no code from data and handles no pictures.
BANNED = {
    *("subprocess", "pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"),
    *("socket", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "aiohttp"),
    *("ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "webbrowser", "xmlrpc"),
    *("PIL", "imageio", "cv2", "skimage", "moviepy", "av", "ffmpeg", "torchvision"),
}
# The doors: a server whose URL the operator gave. No code path visits a URL found in a record.
DOORS = {
    "clewline.sources.server": {"http.client", "ssl", "urllib.parse"},
    # A time authority whose URL the operator gave on the command line.
    "clewline.desk.audit.time_authority": {"http.client", "urllib.parse"},
    # Takes apart the operator's own database and origin; opens nothing.
    "clewline.desk.settings": {"urllib.parse"},
    # Alerts to partners, to where a person entered for a channel; never from a record.
    "clewline.desk.alerts.sending": {"http.client", "urllib.parse", "socket", "ssl", "smtplib"},
    # Asks whether a port is free to listen on; connects to nothing.
    "clewline.desk.running": {"socket"},
}
BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
PRINTING = {"rich", "typer"}
# What pyproject.toml asks for, as it is imported; llvmlite comes with Numba and is a part of it.
# The extras `tables` and `screen`, which two rooms alone may import.
TABLES = {"pyarrow", "duckdb"}
# The extra `desk`, likewise.
DESK = {
    *(
        "django",
        "allauth",
        "axes",
        "csp",
        "django_htmx",
        "granian",
        "ninja",
        "pydantic",
        "pydantic_core",
    ),
    *("cryptography", "rfc8785", "rfc3161_client"),
}
# The extra `share`, likewise; jsonschema comes with PyMISP.
SHARE = {"stix2", "pymisp", "jsonschema"}
# The extra `psi`, which needs two of them too.
PSI = {"google", "private_set_intersection", "starlette"}
# An FIU's schema and nothing else is XML here.
XML = {"lxml"}
SHARED = {"cryptography": {"desk", "matching"}, "granian": {"desk", "matching"}}
DEPENDENCIES = {
    *("numpy", "numba", "llvmlite", "yaml"),
    *(*PRINTING, *TABLES, *DESK, *PSI, *SHARE, *XML),
}
# The engine computes from its arguments alone: no file, clock, environment or chance.
UNCLEAN = {
    *("os", "io", "pathlib", "shutil", "tempfile", "mmap", "sqlite3", "sys"),
    *("time", "datetime", "random", "secrets", "threading", "multiprocessing", "logging"),
}


def rooms() -> dict[str, set[str]]:
    """Read which rooms each room may import, from the table in ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table: dict[str, set[str]] = {}
    for names, allowed in re.findall(r"^\| (`[^|]+) \|[^|]*\| ([^|]+) \|$", text, re.MULTILINE):
        named = set(re.findall(r"`(\w+)/?`", allowed))
        if "all of the above" in allowed:
            named = set(table) - named
        if "only" not in allowed and "nothing" not in allowed:
            named |= EVERYWHERE
        table |= dict.fromkeys(re.findall(r"`(\w+)/?`", names), named)
    return table


def imports(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Yield (line, full name) of everything that a module imports."""
    package = module.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) - node.level], node.module or ""]).strip(".")
            base = base if node.level else str(node.module)
            yield from ((node.lineno, f"{base}.{name.name}") for name in node.names)


def room_of(name: str, table: dict[str, set[str]]) -> str:
    """Return the room that a full name of the package lies in; the package itself is none."""
    part = name.split(".")[1] if "." in name else ""
    return part if part in table else ""


def violations(source: str, module: str, table: dict[str, set[str]]) -> list[str]:
    """Name every line of a module that breaks a rule; `module` is its full dotted name."""
    tree = ast.parse(source)
    # `clewline` and `clewline.__main__` are the door: they may lead to the commands only.
    room = room_of(module, table)
    allowed = table[room] | {room} if room else {"cli"}
    found = []
    for line, name in imports(tree, module):
        top = name.split(".")[0]
        target = room_of(name, table)
        if top == "clewline" and target and target not in allowed:
            found.append(f"{line}: {room or module} may not import {target}")
        door = DOORS.get(module, set())
        if top in BANNED and name not in door and name.rpartition(".")[0] not in door:
            found.append(f"{line}: nothing may import {top}")
        elif top not in sys.stdlib_module_names | DEPENDENCIES | {"clewline"}:
            found.append(f"{line}: {top} is no dependency in pyproject.toml")
        if top in PRINTING and room != "cli":
            found.append(f"{line}: only cli may import {top}")
        if top in TABLES and room not in ("interop", "screening"):
            found.append(f"{line}: only interop and screening may import {top}")
        if top in SHARE and room != "sharing":
            found.append(f"{line}: only sharing may import {top}")
        if top in PSI and room != "matching":
            found.append(f"{line}: only matching may import {top}")
        if top in XML and room != "filing":
            found.append(f"{line}: only filing may import {top}")
        may = SHARED.get(top, {"desk"})
        if top in DESK and room not in may and not (room == "cli" and top == "django"):
            found.append(f"{line}: only desk may import {top}")
        if top in UNCLEAN and room == "engine":
            found.append(f"{line}: engine may not import {top}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            call = node.func.id
            if call in BANNED_CALLS:
                found.append(f"{node.lineno}: nothing may call {call}")
            if call == "print" and room != "cli":
                found.append(f"{node.lineno}: only cli may print")
            if call == "open" and room == "engine":
                found.append(f"{node.lineno}: engine may not open files")
    return found


def modules() -> dict[str, Path]:
    """Return full dotted name → file of every module; a package is named `…__init__`."""
    return {
        ".".join(("clewline", *path.relative_to(SOURCE).with_suffix("").parts)): path
        for path in sorted(SOURCE.rglob("*.py"))
    }


@pytest.mark.parametrize("module", modules())
def test_module_keeps_the_layers(module: str) -> None:
    found = violations(modules()[module].read_text(encoding="utf-8"), module, rooms())
    assert not found, f"{module} against ARCHITECTURE.md: {found}"


def test_every_room_is_in_the_table() -> None:
    there = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in modules().values()}
    unknown = there - set(rooms()) - {"__init__", "__main__"}
    assert not unknown, f"rooms that ARCHITECTURE.md does not have: {sorted(unknown)}"


def test_the_table_is_read_as_it_is_meant() -> None:
    table = rooms()
    assert table["errors"] == set()
    assert table["engine"] == {"errors", "jit"}
    assert table["codec"] == EVERYWHERE
    assert {"store", "engine", "labels", "settings"} < table["workspace"]
    assert not {"play", "cli", "workspace"} & table["workspace"]
    assert not any("cli" in allowed for allowed in table.values())


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("clewline.codec.block", "from clewline.store import schema"),
        ("clewline.codec.block", "from clewline import store"),
        ("clewline.codec.block", "import clewline.store.schema"),
        ("clewline.codec.block", "from ..store import schema"),
        ("clewline.codec.block", "from .. import store"),
        ("clewline.codec.__init__", "from ..store import schema"),
        ("clewline.engine.taint", "def f():\n    from clewline.settings import SETTINGS"),
        ("clewline.workspace", "from clewline.play import story"),
        ("clewline.__init__", "from clewline.workspace import Workspace"),
        ("clewline.engine.taint", "from time import monotonic"),
        ("clewline.engine.taint", "import os.path"),
        ("clewline.engine.taint", "open('x')"),
        ("clewline.store.reader", "from urllib.request import urlopen"),
        ("clewline.sources.node_chain", "from http.client import HTTPConnection"),
        ("clewline.sources.node_chain", "import urllib.parse"),
        ("clewline.sources.server", "from urllib.request import urlopen"),
        ("clewline.sources.server", "from http import server"),
        ("clewline.sources.server", "import http"),
        ("clewline.store.reader", "import pickle"),
        ("clewline.cli.trace", "import subprocess"),
        ("clewline.cli.trace", "eval('1')"),
        ("clewline.cli.trace", "import click"),
        ("clewline.reports.html", "from PIL import Image"),
        ("clewline.reports.html", "print('done')"),
        ("clewline.reports.html", "from rich.console import Console"),
        ("clewline.workspace.tables", "import pyarrow.parquet"),
        ("clewline.reports.html", "import stix2"),
        ("clewline.sharing.stix", "from clewline.workspace import Workspace"),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    assert len(violations(source, module, rooms())) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("clewline.store.writer", "from clewline.codec import block\nfrom . import schema"),
        ("clewline.workspace", "from clewline.engine import taint\nimport time"),
        ("clewline.cli.trace", "from clewline import workspace\nimport rich\nprint('done')"),
        (
            "clewline.codec.block",
            "from clewline import __version__\nfrom ..errors import DataError",
        ),
        ("clewline.__main__", "from clewline.cli import main"),
        (
            "clewline.sources.server",
            "import http.client\nfrom http.client import HTTPConnection\n"
            "from urllib.parse import urlsplit",
        ),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert violations(source, module, rooms()) == []
