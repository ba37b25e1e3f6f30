"""The service as a process: list, register and thread made where it answers, ended with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clewline.checks.application import Service
from clewline.checks.judging import Judge
from clewline.checks.register import Register
from clewline.checks.tokens import Scope, read_tokens
from clewline.errors import UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette


@dataclass(frozen=True)
class Hosting:
    """What a service is made of.

    Attributes
    ----------
    home : Path
        Holds ``tokens.json`` and ``register.sqlite``.
    lists : tuple of Path
        See `clewline.workspace.screening.read_watchlist`.
    store : Path or None
        Chain store, for clusters and indirect exposure.
    sets : tuple of str
        Its label sets; empty: all.
    """

    home: Path
    lists: tuple[Path, ...] = ()
    store: Path | None = None
    sets: tuple[str, ...] = ()

    def tokens(self) -> dict[str, Scope]:
        """Return what each token may.

        Raises
        ------
        UsageError
            If there is none: nobody could ask.
        """
        tokens = read_tokens(self.home / "tokens.json")
        if not tokens:
            raise UsageError(
                "has no token",
                where=str(self.home),
                hint=f"clewline checks token {self.home} NAME --scope register",
            )
        return tokens


def hosted(hosting: Hosting) -> Starlette:
    """Return the application; its thread begins and ends with it.

    Raises
    ------
    UsageError, DataError, UnavailableError
        If token, list or store are missing or broken.
    """
    from clewline.screening.running import Question
    from clewline.workspace import Workspace
    from clewline.workspace.screening import make_screener, read_watchlist

    tokens = hosting.tokens()
    watchlist = read_watchlist(hosting.lists, hosting.store, hosting.sets or None)
    workspace = Workspace.open(hosting.store) if hosting.store else None
    register = Register(hosting.home / "register.sqlite")
    screener = make_screener(watchlist, Question(), workspace)
    judge = Judge(register, screener, lambda: datetime.now(UTC))

    @asynccontextmanager
    async def running(_application: Any) -> AsyncIterator[None]:
        judge.start()
        try:
            yield
        finally:
            judge.stop()
            register.close()

    return Service(judge, tokens).application(running)
