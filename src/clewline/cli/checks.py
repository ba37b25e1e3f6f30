"""``clewline checks``: the service that an exchange's systems ask about transfers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import LabelSets
from clewline.errors import UsageError

app = typer.Typer(
    help="A service that registers transfers, withdrawal attempts and addresses, screens them, and "
    "keeps alerts for those who review. docs/CHECKS.md.",
    no_args_is_help=True,
)
Home = Annotated[Path, typer.Argument(metavar="HOME", help="Directory of the service.")]
Name = Annotated[str, typer.Argument(help="Whom the token is for.")]


@app.command("token")
def token(
    home: Home,
    name: Name,
    scope: Annotated[
        str, typer.Option(help="register: learns nothing of what is found; review: reads alerts.")
    ],
) -> None:
    """Make a token and print it, this once; the service reads tokens when it starts."""
    from clewline.checks.tokens import Scope, make_token

    if scope not in set(Scope):
        raise UsageError(f"is one of {', '.join(Scope)}", where="--scope")
    sys.stdout.write(make_token(home / "tokens.json", name, Scope(scope)) + "\n")


@app.command("revoke")
def revoke(home: Home, name: Name) -> None:
    """Take a token away; start the service again."""
    from clewline.checks.tokens import remove_token

    remove_token(home / "tokens.json", name)


@app.command("serve")
def serve(
    home: Home,
    lists: Annotated[
        list[Path] | None, typer.Option("--list", help="List to screen for; may be repeated.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Chain store: its label sets, clusters and indirect exposure."),
    ] = None,
    sets: LabelSets = None,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8090,
    certificate: Annotated[
        Path | None, typer.Option(help="TLS certificate (PEM); needed but on this machine.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
) -> None:
    """Answer until a signal ends it.

    A new list: start again; all that was registered is then judged anew.
    """
    from functools import partial

    from clewline.checks.hosting import Hosting, hosted
    from clewline.serving import Place, listen

    hosting = Hosting(home, tuple(lists or ()), store, tuple(sets or ()))
    hosting.tokens()
    listen(partial(hosted, hosting), Place(address, port, certificate, key))
