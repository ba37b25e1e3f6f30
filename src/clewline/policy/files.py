"""Policy files: YAML in, rules out; every fault with its line and what is allowed there.

The text is composed into nodes and never turned into objects, so that a word is the text that
stands there (``NO`` is Norway) and each has its place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from clewline import vocab
from clewline.errors import PolicyFileError
from clewline.policy.fields import FIELDS, KINDS
from clewline.policy.model import CONDITIONS, Policy, Rule, Verdict

LARGEST: Final = 262_144
"""Bytes of a policy file."""
MOST_RULES: Final = 500
_ALL: Final = "all"
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,59}")
_TOP: Final = ("policy", "version", "rules")
_RULE: Final = ("id", *(str(one) for one in Verdict), "when", "always", "because")
_FORMS: Final = {
    "partner": (re.compile(r"P-[0-9A-Z]{5}-[0-9A-Z]{5}"), "a partner's reference, P-…"),
    "country": (re.compile(r"[A-Z]{2}"), "two capital letters of ISO 3166"),
}


@dataclass(frozen=True)
class Problem:
    """Something in a policy file that is not as it must be.

    Attributes
    ----------
    where : str
        File, line and column.
    message : str
        What is wrong.
    allowed : str
        What may stand there; empty where that is no list.
    """

    where: str
    message: str
    allowed: str = ""

    def __str__(self) -> str:
        """Return place, fault and what is allowed."""
        return f"{self.where}: {self.message}" + (f" ({self.allowed})" if self.allowed else "")


def words_of(condition: str) -> tuple[str, ...]:
    """Return the words that a condition may list; empty where it has a form instead."""
    named = {
        "kind": "partner_kind",
        "purpose": "purpose",
        "basis": "legal_basis",
        "tlp": "tlp",
        "pap": "pap",
        "source_grade": "source_grade",
        "info_grade": "info_grade",
        "handling": "handling",
        "status": "address_status",
    }
    if condition in named:
        return tuple(vocab.words(named[condition]))
    fixed = {"record": tuple(KINDS), "standing": ("mention", "control")}
    return {**fixed, "origin": ("own", "partner")}.get(condition, ())


def load(path: Path | None = None) -> Policy:
    """Read a policy file; without a path the one that Clewline ships.

    Parameters
    ----------
    path : Path, optional
        UTF-8, YAML, at most 256 KiB.

    Raises
    ------
    PolicyFileError
        If it cannot be taken; names the first fault.

    Examples
    --------
    >>> load().name
    'Clewline default'
    """
    return default() if path is None else read(text_of(path), str(path))


@cache
def default() -> Policy:
    """Return the policy that Clewline ships, ``policy/default.yaml``."""
    return read(default_text(), "policy/default.yaml")


def default_text() -> str:
    """Return the file of that policy, to begin one's own from."""
    return resources.files(__package__).joinpath("default.yaml").read_text(encoding="utf-8")


def read(text: str, where: str = "policy") -> Policy:
    """Turn the text of a policy file into rules.

    Parameters
    ----------
    text : str
        YAML.
    where : str
        What errors call it.

    Raises
    ------
    PolicyFileError
        As `load`.
    """
    reading = _Reading(where)
    made = reading.policy(text)
    if reading.problems or made is None:
        first = reading.problems[0]
        more = len(reading.problems) - 1
        message = first.message + (f"; {more} more" if more else "")
        raise PolicyFileError(message, where=first.where, hint=first.allowed or None)
    return made


def lint(text: str, where: str = "policy") -> list[Problem]:
    r"""Return every fault of a policy file, in the order of its lines.

    Examples
    --------
    >>> [str(one) for one in lint("policy: x\nversion: 1\nrules: []\ncolour: red", "f")]
    ["f:4:1: 'colour' is not known here (policy, version, rules)"]
    """
    reading = _Reading(where)
    reading.policy(text)
    return reading.problems


def text_of(path: Path) -> str:
    """Return a file's text.

    Raises
    ------
    PolicyFileError
        If it cannot be read, or is no UTF-8.
    """
    try:
        content = path.read_bytes()
        return content.decode("utf-8")
    except OSError as error:
        raise PolicyFileError(
            f"cannot be read: {error.strerror}", where=str(path), hint="a YAML file"
        ) from None
    except UnicodeDecodeError as error:
        raise PolicyFileError(
            f"byte {error.start} is no UTF-8", where=str(path), hint="save it as UTF-8"
        ) from None


class _Reading:
    """Reads one file and gathers what is wrong with it."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def policy(self, text: str) -> Policy | None:
        """Read the whole file; None where nothing can be made of it."""
        top = self._mapping(self._compose(text), _TOP)
        if top is None:
            return None
        for missing in (name for name in _TOP if name not in top):
            self.problems.append(Problem(self.where, f"{missing!r} is missing", ", ".join(_TOP)))
        name = self._line(top.get("policy"))
        version = self._line(top.get("version"))
        if version is not None and not re.fullmatch(r"[1-9][0-9]{0,8}", version):
            self._fault(top["version"], f"{version!r} is no version", "a whole number from 1")
        rules = self._rules(top.get("rules"))
        if self.problems or name is None or version is None:
            return None
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Policy(name, int(version), rules, digest)

    def _compose(self, text: str) -> Node | None:
        """Parse YAML into nodes."""
        if len(text.encode()) > LARGEST:
            self.problems.append(Problem(self.where, f"is longer than {LARGEST} bytes"))
            return None
        try:
            # An alias would let a short text stand for a long one.
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                if isinstance(event, yaml.AliasEvent):
                    self._place(event.start_mark, "aliases are not taken", "write it out")
                    return None
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            self._place(error.problem_mark, f"is no YAML: {error.problem}", "")
        except (yaml.YAMLError, RecursionError):
            self.problems.append(Problem(self.where, "is no YAML"))
        return None

    def _rules(self, node: Node | None) -> tuple[Rule, ...]:
        """Read the list of rules."""
        if node is None:
            return ()
        if not isinstance(node, SequenceNode):
            self._fault(node, "rules are a list", "- id: …")
            return ()
        if len(node.value) > MOST_RULES:
            self._fault(node, f"{len(node.value)} rules", f"at most {MOST_RULES}")
            return ()
        rules: dict[str, Rule] = {}
        for place, one in enumerate(node.value):
            rule = self._rule(one, place)
            if rule is None:
                continue
            if rule.id in rules:
                self._fault(one, f"rule {rule.id!r} is there twice", "each id once")
            before = next((r for r in rules.values() if _says_the_same(r, rule)), None)
            if before is not None:
                self._fault(one, f"never applies: {before.id!r} says it first", "one of the two")
            rules[rule.id] = rule
        return tuple(rules.values())

    def _rule(self, node: Node, place: int) -> Rule | None:
        """Read one rule."""
        before = len(self.problems)
        entry = self._mapping(node, _RULE)
        if entry is None:
            return None
        id_ = self._line(entry.get("id"))
        if id_ is None or not _ID.fullmatch(id_):
            self._fault(entry.get("id", node), "a rule has an id", "lower case, digits and '-'")
        said = [verdict for verdict in Verdict if verdict in entry]
        if len(said) != 1:
            self._fault(node, "a rule says one thing", "release, withhold or ask")
        because = self._line(entry.get("because"))
        if not because:
            self._fault(entry.get("because", node), "a rule says why", "because: …")
        always = self._line(entry["always"]) if "always" in entry else "no"
        if always not in ("yes", "no"):
            self._fault(entry["always"], f"{always!r} is no answer", "yes, no")
        if always == "yes" and said == [Verdict.RELEASE]:
            self._fault(entry["always"], "a rule that releases never goes first", "withhold, ask")
        fields = self._listed(entry[said[0]], (*FIELDS, _ALL)) if said else frozenset()
        if _ALL in fields and len(fields) > 1:
            self._fault(entry[said[0]], "'all' stands alone", "all, or fields")
        when = self._conditions(entry.get("when"))
        if len(self.problems) > before or id_ is None or because is None:
            return None
        named = frozenset() if _ALL in fields else fields
        return Rule(id_, said[0], named, when, because, place, always == "yes")

    def _conditions(self, node: Node | None) -> Mapping[str, frozenset[str]]:
        """Read what a rule states."""
        found: dict[str, frozenset[str]] = {}
        stated = self._mapping(node, tuple(CONDITIONS)) if node is not None else None
        for name, value in (stated or {}).items():
            found[name] = self._listed(value, words_of(name), _FORMS.get(name))
        return MappingProxyType(found)

    def _listed(
        self,
        node: Node,
        words: tuple[str, ...],
        form: tuple[re.Pattern[str], str] | None = None,
    ) -> frozenset[str]:
        """Read one word or a list of words."""
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        if not nodes:
            self._fault(node, "the list is empty", "leave it out")
        found = set()
        for one in nodes:
            text = one.value if isinstance(one, ScalarNode) else None
            fits = text is not None and (form[0].fullmatch(text) if form else text in words)
            if text is not None and fits:
                found.add(text)
            else:
                shown = "a list" if text is None else repr(text[:40])
                self._fault(one, f"{shown} is not allowed here", form[1] if form else _all(words))
        return frozenset(found)

    def _mapping(self, node: Node | None, names: tuple[str, ...]) -> dict[str, Node] | None:
        """Read names and what belongs to them."""
        if not isinstance(node, MappingNode):
            if node is None:
                if not self.problems:
                    self.problems.append(Problem(self.where, "is empty", _all(names)))
            else:
                self._fault(node, "names with values are needed here", _all(names))
            return None
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else "?"
            if name not in names:
                self._fault(key, f"{name[:40]!r} is not known here", _all(names))
            elif name in found:
                self._fault(key, f"{name!r} is there twice", "once")
            else:
                found[name] = value
        return found

    def _line(self, node: Node | None) -> str | None:
        """Read one short text."""
        if node is None:
            return None
        if not isinstance(node, ScalarNode) or len(node.value) > 400:
            self._fault(node, "one line of text is needed here", "at most 400 characters")
            return None
        return str(node.value)

    def _fault(self, node: Node, message: str, allowed: str) -> None:
        """Note what is wrong at a node."""
        self._place(node.start_mark, message, allowed)

    def _place(self, mark: Any, message: str, allowed: str) -> None:
        """Note what is wrong at a place."""
        where = f"{self.where}:{mark.line + 1}:{mark.column + 1}" if mark else self.where
        self.problems.append(Problem(where, message, allowed))


def _says_the_same(one: Rule, other: Rule) -> bool:
    """Tell whether `other` can never decide because of `one`: same fields, same conditions."""
    return one.fields == other.fields and one.when == other.when and one.always == other.always


def _all(words: tuple[str, ...]) -> str:
    """Return words as a list that people read."""
    return ", ".join(words)
