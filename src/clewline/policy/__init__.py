"""Who may be told what: rules in a file, one pure decision, and its reason with each field.

A policy is a versioned YAML file. `decide` holds one record against it for one asker; `explain`
runs the same code and keeps every rule that was looked at. Nothing is released that no rule
releases.
"""

from clewline.policy.changes import Answered, Difference, differences
from clewline.policy.deciding import GATES, Explained, Step, decide, explain
from clewline.policy.fields import FIELDS, GUARDED, KINDS, Field, in_words
from clewline.policy.files import Problem, default, lint, load, read
from clewline.policy.model import Asker, Decision, Policy, Purpose, Record, Rule, Verdict, Weighed

__all__ = [
    "FIELDS",
    "GATES",
    "GUARDED",
    "KINDS",
    "Answered",
    "Asker",
    "Decision",
    "Difference",
    "Explained",
    "Field",
    "Policy",
    "Problem",
    "Purpose",
    "Record",
    "Rule",
    "Step",
    "Verdict",
    "Weighed",
    "decide",
    "default",
    "differences",
    "explain",
    "in_words",
    "lint",
    "load",
    "read",
]
