"""What a measure is printed as: one JSON object a line on standard output."""

from __future__ import annotations

import json
import operator
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

_RELATIONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Goal:
    """A bound on one of the figures of a line."""

    figure: str
    relation: str
    bound: float

    def __str__(self) -> str:
        return f"{self.figure} {self.relation} {self.bound:g}"

    def met(self, figures: dict[str, Any]) -> bool:
        """Judge a figure."""
        return _RELATIONS[self.relation](figures[self.figure], self.bound)


def emit(
    measure: str,
    figures: dict[str, Any],
    *,
    goal: Goal | None = None,
    next_goal: Goal | None = None,
) -> None:
    """Print one measure with its goals, judged before rounding, and the load of the machine."""
    line: dict[str, Any] = {"measure": measure, **_rounded(figures)}
    for name, met, bound in (("goal", "met", goal), ("next_goal", "next_met", next_goal)):
        if bound is not None:
            line |= {name: str(bound), met: bound.met(figures)}
    line["load"] = round(os.getloadavg()[0], 2)
    print(json.dumps(line), flush=True)


def note(text: str) -> None:
    """Say on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


def quantiles(samples: Sequence[float], unit: float, name: str) -> dict[str, float]:
    """Return p50, p95, p99 and the worst of some seconds, in a unit of so many seconds."""
    values = np.percentile(np.asarray(samples) / unit, [50, 95, 99, 100])
    return {
        f"{label}_{name}": float(value)
        for label, value in zip(("p50", "p95", "p99", "worst"), values, strict=True)
    }


def _rounded(value: Any) -> Any:
    """Return a value with its floats at four digits: more would be noise."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
