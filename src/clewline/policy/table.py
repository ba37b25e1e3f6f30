"""A policy as a table, the rule that counts first on top; for docs, terminals and pages."""

from __future__ import annotations

from typing import Final

from clewline.policy.fields import FIELDS
from clewline.policy.model import Policy, Rule

HEADINGS: Final = ("rule", "what becomes", "of fields", "when", "why")
"""Columns of `rows`."""


def rows(policy: Policy) -> list[tuple[str, ...]]:
    """Return one row a rule, by precedence.

    Examples
    --------
    >>> from clewline.policy import default
    >>> rows(default())[0][:3]
    ('unreliable-and-unknown (always)', 'withhold', 'all')
    """
    return [_row(rule) for rule in sorted(policy.rules, key=lambda rule: rule.precedence)]


def _row(rule: Rule) -> tuple[str, ...]:
    """Put a rule into words."""
    when = "; ".join(f"{name}: {' or '.join(sorted(said))}" for name, said in rule.when.items())
    named = ", ".join(name for name in FIELDS if name in rule.fields)
    return (
        rule.id + (" (always)" if rule.always else ""),
        str(rule.verdict),
        named or "all",
        when or "any",
        rule.because,
    )
