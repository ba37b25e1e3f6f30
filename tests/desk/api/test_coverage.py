"""Whatever a person can do at the desk a program can do, too; or it is said here why not."""

from __future__ import annotations

from typing import Final

from clewline.desk.api import operations
from clewline.desk.roles import ACTIONS

_REVEALS: Final = "there is no reveal for programs: sealed fields are read on a page, by a person"
_SIGN_IN: Final = "sign-in and access: by a person, in a browser, with a second factor"
_OWN: Final = "a person's own protection when they look at a page; a program looks at none"
PAGES_ALONE: Final = {
    "account.change": _SIGN_IN,
    "people.change": _SIGN_IN,
    "people.approve": _SIGN_IN,
    "partner.account": _SIGN_IN,
    "audit.check": "`clewline desk audit verify` does it, and over files without the desk",
    "audit.export": "GET /audit reads the same rows",
    "export.trace": "who gave a copy away is looked into by an auditor, on a page",
    "figures.export": "what leaves the house a person takes from the page, small counts withheld",
    "pack.take": "a pack names real people's payments: a person takes it and hands it over",
    "brand.reveal": _REVEALS,
    "case.reveal": _REVEALS,
    "dispute.reveal": _REVEALS,
    "lookup.reveal": _REVEALS,
    "partner.reveal": _REVEALS,
    "request.reveal": _REVEALS,
    "sighting.reveal": _REVEALS,
    "row.review": "a row is judged with its path before one's eyes, one at a time",
    "welfare.read": _OWN,
    "welfare.change": _OWN,
    "welfare.team": _OWN,
    "welfare.default": _OWN,
}
"""Action → why no operation does it."""


def test_every_action_has_an_operation_or_a_reason() -> None:
    done = {view.action.name for *_, view in operations()}
    assert set(ACTIONS) - done == set(PAGES_ALONE)
