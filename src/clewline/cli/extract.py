"""``clewline extract``: addresses in text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clewline.cli.options import Format, Output
from clewline.cli.output import emit_rows
from clewline.errors import UsageError


def extract(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|-",
            allow_dash=True,
            help="Text, HTML or source in UTF-8; - is standard input.",
        ),
    ],
    style: Output = Format.JSONL,
) -> None:
    """Find addresses of any known chain in text, a line each; docs/ADDRESSES.md lists the chains.

    Also where they are encoded, broken into pieces or mistyped. An address may belong to several
    chains: chain, kind, canonical and strength are those of the first reading, readings has all.
    What is almost an address has none, and did_you_mean proposes which may be meant. Data URIs and
    base64 are passed over. Nothing is stored, nothing is visited.
    """
    from clewline.intake import Finding, find

    def row(found: Finding) -> dict[str, Any]:
        first = found.readings[0]._asdict() if found.readings else {}
        keys = ("chain", "kind", "network", "canonical", "strength", "tag")
        return {
            "start": found.start,
            "end": found.end,
            "text": found.text,
            **{key: first.get(key) for key in keys},
            "readings": [reading._asdict() for reading in found.readings],
            "did_you_mean": list(found.did_you_mean),
            "checked": found.checked,
        }

    emit_rows(map(row, find(_text(file))), style)


def _text(file: Path) -> str:
    """Return a text; bytes that are none are replaced, and line ends stay as they are."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from error
    return data.decode("utf-8", "replace")
