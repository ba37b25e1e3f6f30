"""Attribution: what sources say about addresses, kept in named label sets.

TagPacks and tables are read into labels, each row checked against the vocabulary and each address
against its currency. A set remembers which file said what; nothing in it is ever changed.
"""

from clewline.labels.label import Claim, Label, Refusal, conflicts, in_order
from clewline.labels.sets import (
    FileReport,
    ImportReport,
    LabelSet,
    MatchedLabels,
    import_files,
    list_sets,
)

__all__ = [
    "Claim",
    "FileReport",
    "ImportReport",
    "Label",
    "LabelSet",
    "MatchedLabels",
    "Refusal",
    "conflicts",
    "import_files",
    "in_order",
    "list_sets",
]
