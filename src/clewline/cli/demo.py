"""``clewline demo``: the main job on a made-up case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option("--out", help="Directory to write.")] = Path("demo"),
) -> None:
    """Do."""
