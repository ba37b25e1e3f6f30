"""Review by two people: decisions in a journal, and what they mean for the queue.

A finding is settled when two different people have decided the same about it; the second does not
see it settled by the first. A finding that both call a false positive is not queued again for the
same customer, role and labels: it is counted. Where a label changes, it is another finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from clewline.errors import UsageError
from clewline.journal import Journal
from clewline.screening.customers import Finding

CONFIRMED: Final = "confirmed"
FALSE_POSITIVE: Final = "false positive"
DECISIONS: Final = (CONFIRMED, FALSE_POSITIVE)
REASONS: Final = {
    "reassigned": "the address was another's at that time",
    "not the owner": "the entity does not control the address",
    "refund": "money that came back",
    "dusting": "money that nobody asked for",
    "shared service": "a processor or exchange that others use as well",
    "own money": "a payment of an authority or of this house",
    "other": "see the note",
}
"""Why something is a false positive."""
_MAX_NOTE: Final = 2000


class State(StrEnum):
    """Where a finding stands."""

    NEW = "new"
    ONE_REVIEW = "one review"
    DISPUTED = "disputed"
    CONFIRMED = "confirmed"
    SUPPRESSED = "false positive"


@dataclass(frozen=True)
class Decision:
    """What one reviewer said of one finding."""

    reviewer: str
    decision: str
    reason: str


class Reviews:
    """Decisions so far, read from a journal.

    Parameters
    ----------
    journal : Journal
        Where they stand; events of other kinds are left alone.

    Raises
    ------
    DataError
        If a line of the journal was changed.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._decisions: dict[str, list[Decision]] = {}
        for event in journal.read():
            if event.get("event") == "decision":
                made = Decision(event["reviewer"], event["decision"], event["reason"])
                self._decisions.setdefault(event["item"], []).append(made)

    def decide(
        self, item: str, reviewer: str, decision: str, reason: str, note: str = "", *, at: str
    ) -> State:
        """Add one reviewer's decision.

        Parameters
        ----------
        item : str
            Of the finding.
        reviewer : str
            Who; the second must be another.
        decision : str
            One of `DECISIONS`.
        reason : str
            Of a false positive one of `REASONS`; else free, and needed.
        note : str
            More of it.
        at : str
            ISO 8601, UTC.

        Returns
        -------
        State
            Where the finding stands now.

        Raises
        ------
        UsageError
            If a word is unknown, a reason is missing, the reviewer has decided already, or two
            people have.
        """
        reviewer, reason = reviewer.strip(), reason.strip()
        if not reviewer or not reason or len(note) > _MAX_NOTE or len(reason) > _MAX_NOTE:
            raise UsageError("a decision needs a reviewer and a reason", where="--reason")
        if decision not in DECISIONS:
            raise UsageError(
                f"{decision!r} is no decision", where="--decision", hint=" or ".join(DECISIONS)
            )
        if decision == FALSE_POSITIVE and reason not in REASONS:
            raise UsageError(
                f"{reason!r} is no reason of a false positive",
                where="--reason",
                hint=f"one of: {', '.join(REASONS)}",
            )
        if reviewer.casefold() in {one.reviewer.casefold() for one in self._of(item)}:
            raise UsageError(
                f"{reviewer} has decided about it already: the other pair of eyes is missing",
                where="--reviewer",
            )
        if self.state(item) in (State.CONFIRMED, State.SUPPRESSED):
            raise UsageError("two people have decided about it", where=item)
        self._journal.write(
            at,
            "decision",
            item=item,
            reviewer=reviewer,
            decision=decision,
            reason=reason,
            note=note,
        )
        self._decisions.setdefault(item, []).append(Decision(reviewer, decision, reason))
        return self.state(item)

    def state(self, item: str) -> State:
        """Return where a finding stands: what two people agree on settles it."""
        made = self._of(item)
        agreed = Counter(one.decision for one in made)
        for decision, state in ((CONFIRMED, State.CONFIRMED), (FALSE_POSITIVE, State.SUPPRESSED)):
            if agreed[decision] > 1:
                return state
        if not made:
            return State.NEW
        return State.ONE_REVIEW if len(made) == 1 else State.DISPUTED

    def _of(self, item: str) -> list[Decision]:
        """Return the decisions about a finding."""
        return self._decisions.get(item, [])

    def queue(self, findings: Iterable[Finding]) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """Return what waits for somebody, and how many were suppressed, by reason.

        Parameters
        ----------
        findings : iterable of Finding
            Of a run.

        Returns
        -------
        items : list of dict
            Findings with ``state``; hits before leads, otherwise in the order given. The first
            reviewer's decision is not shown to the second.
        suppressed : dict of str to int
            Findings that two people called false positives, by the first one's reason.
        """
        items: list[dict[str, Any]] = []
        suppressed: Counter[str] = Counter()
        for finding in findings:
            state = self.state(finding.item)
            if state is State.SUPPRESSED:
                wrong = [one for one in self._of(finding.item) if one.decision == FALSE_POSITIVE]
                suppressed[wrong[0].reason] += 1
            elif state is not State.CONFIRMED:
                items.append({**finding.as_dict(), "state": state.value})
        items.sort(key=lambda one: one["level"] != "hit")
        return items, dict(sorted(suppressed.items()))
