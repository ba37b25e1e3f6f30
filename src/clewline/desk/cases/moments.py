"""One thing that happened in a case: what its timeline is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User
    from clewline.desk.records.models import Address


@dataclass(frozen=True)
class Moment:
    """When somebody did what, to what, and why."""

    at: datetime
    by: User
    what: str
    name: str = ""
    why: str = ""
    address: Address | None = None
