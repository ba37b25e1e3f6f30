"""What a change of policy would have answered differently: past questions under both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clewline.policy.deciding import decide
from clewline.policy.model import Asker, Policy, Purpose, Record, Weighed


@dataclass(frozen=True)
class Answered:
    """Something that was decided once: a look-up's item, or one recipient of an alert.

    Attributes
    ----------
    name : str
        What people call it: reference of the look-up or alert, and whose.
    asker, purpose, record
        As they were then.
    """

    name: str
    asker: Asker
    purpose: Purpose
    record: Record


@dataclass(frozen=True)
class Difference:
    """One field of something answered that another policy would answer otherwise."""

    name: str
    before: Weighed
    after: Weighed

    @property
    def field(self) -> str:
        """Name of the field."""
        return self.before.field

    @property
    def tells_more(self) -> bool:
        """Whether the second policy tells more than the first."""
        return self.after.verdict.openness > self.before.verdict.openness


def differences(old: Policy, new: Policy, past: Iterable[Answered]) -> list[Difference]:
    """Decide everything again under two policies and return what differs.

    Parameters
    ----------
    old, new : Policy
        The two.
    past : iterable of Answered
        What was decided.

    Returns
    -------
    list of Difference
        In the order of `past` and of fields; what becomes of a field, not by which rule.

    Examples
    --------
    >>> from clewline.policy import default
    >>> differences(default(), default(), [])
    []
    """
    found = []
    for one in past:
        before = decide(old, one.asker, one.purpose, one.record).fields
        after = decide(new, one.asker, one.purpose, one.record).fields
        found += [
            Difference(one.name, before[name], after[name])
            for name in before
            if before[name].verdict is not after[name].verdict
        ]
    return found
