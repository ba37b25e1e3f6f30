"""What a policy would have answered differently: past look-ups and alerts under both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from clewline.desk.alerts import queries as alerts
from clewline.desk.lookups import queries as lookups
from clewline.policy import Answered, Difference, Policy, differences

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

MOST: Final = 1_000
"""Records of past look-ups, and of past alerts, that a page tries again."""


@dataclass(frozen=True)
class Replay:
    """What two policies make of the past.

    Attributes
    ----------
    tried : int
        Records of look-ups and recipients of alerts that were decided again.
    found : list of Difference
        Those fields that come out otherwise; what tells more first.
    is_all : bool
        Whether nothing of the past was left out.
    """

    tried: int
    found: list[Difference]
    is_all: bool

    @property
    def more(self) -> int:
        """How many fields are told more openly."""
        return sum(one.tells_more for one in self.found)


def past() -> Iterator[Answered]:
    """Yield everything that policies of this desk decided, to be decided again."""
    return chain(lookups.past(), alerts.past())


def replay(user: User, old: Policy, new: Policy) -> Replay:
    """Decide again what `user` may know of: the newest look-ups and alerts of their teams."""
    looked = list(islice(lookups.past(user), MOST + 1))
    told = list(islice(alerts.past(user), MOST + 1))
    tried = looked[:MOST] + told[:MOST]
    found = sorted(differences(old, new, tried), key=lambda one: not one.tells_more)
    return Replay(len(tried), found, len(tried) == len(looked) + len(told))
