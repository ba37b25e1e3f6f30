"""Options and arguments that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clewline.settings import setting


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


Store = Annotated[
    Path,
    typer.Option("--store", envvar=setting("store").env, help=setting("store").help),
]
Output = Annotated[
    Format,
    typer.Option("--format", envvar=setting("format").env, help=setting("format").help),
]
LabelSets = Annotated[
    list[str] | None,
    typer.Option("--set", help="Label set to use; may be repeated. Default: all in the store."),
]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Address of the store's network.")]
