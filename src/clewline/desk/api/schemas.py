"""Shapes of requests and answers. Every text and number has a bound; unknown fields are refused."""

from __future__ import annotations

from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field

Text = Annotated[str, Field(max_length=400)]


class Strict(Schema):
    """A request in which every field is known."""

    model_config = ConfigDict(extra="forbid")


class Problem(Schema):
    """Why a request was not answered; `code` is one of docs/ERRORS.md."""

    code: str
    message: str
    where: str | None = None
    hint: str | None = None


class Me(Schema):
    """Whose token this is, and what it may do."""

    pseudonym: str
    organisation: str
    teams: list[str]
    roles: list[str]
    scopes: list[str]
    expires_at: str


class PageText(Strict):
    """A pasted page: text or HTML source, never a file."""

    text: Annotated[str, Field(max_length=5_000_000)]
