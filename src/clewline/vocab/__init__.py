"""The words that labels may use: categories, the confidence ladder, label types.

Each is a reviewed YAML file beside this module. A file is read once, checked on reading, and never
changes while the program runs.
"""

from clewline.vocab.records import Field, record_fields, words
from clewline.vocab.retention import RetentionClass, erasure_reasons, retention_classes
from clewline.vocab.tables import (
    Category,
    Confidence,
    LabelType,
    categories,
    category,
    confidence,
    confidences,
    label_type,
    label_types,
)

__all__ = [
    "Category",
    "Confidence",
    "Field",
    "LabelType",
    "RetentionClass",
    "categories",
    "category",
    "confidence",
    "confidences",
    "erasure_reasons",
    "label_type",
    "label_types",
    "record_fields",
    "retention_classes",
    "words",
]
