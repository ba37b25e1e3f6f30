"""``clewline desk answer``: verify the answer to a look-up; needs no desk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.desk_files import content


def answer(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The signed answer (JSON).")],
    key: Annotated[
        str, typer.Option("--key", help="Public key of the desk (hex), got by another way.")
    ] = "",
) -> None:
    """Verify the answer to a look-up and print it; needs no desk, database or network.

    Without --key it is held against the key that it names itself, which proves that it is whole
    and not from whom it is.
    """
    from clewline.desk.lookups import answers

    held = content(file)
    told = answers.verify(held, str(file), key)
    typer.echo(answers.as_text(told))
    typer.echo(f"SHA-256 {answers.digest(held)}")
    typer.echo("whole, signed with the key that was given" if key else f"whole, key {told['key']}")
