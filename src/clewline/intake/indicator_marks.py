"""Reads indicator_marks.yaml: ids that pages carry, and what is shared too widely to link pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import yaml

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Mark:
    """An id that somebody's account put into a page.

    Attributes
    ----------
    id : str
        First part of the indicator's value.
    name : str
        Of the service, for people.
    starts : str
        Text that each match begins with; no letter or digit stands before it.
    pattern : re.Pattern
        From there on; its group ``id`` is the account's id, its group ``host`` the server, where
        ids are counted by server.
    source : str
        Where the form is documented.
    example : str
        Made-up text that has it.
    value : str
        What is found in the example.
    """

    id: str
    name: str
    starts: str
    pattern: re.Pattern[str]
    source: str
    example: str
    value: str


@dataclass(frozen=True)
class Marks:
    """All that the file says; its comments say what each list is for."""

    marks: tuple[Mark, ...]
    shared_hosts: frozenset[str]
    mail_providers: frozenset[str]
    tenants: frozenset[str]
    shared_addresses: frozenset[str]
    shared_ids: frozenset[str]
    shared_files: re.Pattern[str]
    shared_scripts: tuple[str, ...]
    countries: frozenset[str]
    top_levels: frozenset[str]
    words: frozenset[str]
    files: frozenset[str]


@cache
def load_marks() -> Marks:
    """Return what indicator_marks.yaml says, read once.

    Returns
    -------
    Marks
        The same for all callers.

    Examples
    --------
    >>> "cdn.jsdelivr.net" in load_marks().shared_hosts
    True
    """
    text = resources.files(__package__).joinpath("indicator_marks.yaml").read_text("utf-8")
    file = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader either way

    def names(key: str) -> frozenset[str]:
        return frozenset(file[key].split())

    return Marks(
        marks=tuple(
            Mark(
                id=one["id"],
                name=one["name"],
                starts=one["starts"],
                pattern=re.compile(re.escape(one["starts"]) + one["then"], re.ASCII),
                source=one["source"],
                example=one["example"],
                value=f"{one['id']}:{one['value']}",
            )
            for one in file["marks"]
        ),
        shared_hosts=names("shared_hosts") | names("mail_providers"),
        mail_providers=names("mail_providers"),
        tenants=names("tenants"),
        shared_addresses=names("shared_addresses"),
        shared_ids=frozenset(file["shared_ids"]),
        shared_files=re.compile("|".join(file["shared_files"]), re.IGNORECASE),
        shared_scripts=tuple(file["shared_scripts"]),
        countries=names("countries"),
        top_levels=names("top_levels"),
        words=names("words"),
        files=names("files"),
    )
