"""What partners get, and how it is written: one list, many formats, both ways.

`item` is what one recipient gets after policy decided; `formats` is the table of formats. Nothing
here asks a database, a network or a clock: the same list gives the same bytes.
"""

from clewline.sharing.item import (
    CLUE,
    FIELDS,
    Delta,
    Kind,
    SharedField,
    SharedItem,
    SharedList,
    applied,
    as_delta,
    delta,
    for_exchange,
    item_from_plain,
    plain,
)

__all__ = [
    "CLUE",
    "FIELDS",
    "Delta",
    "Kind",
    "SharedField",
    "SharedItem",
    "SharedList",
    "applied",
    "as_delta",
    "delta",
    "for_exchange",
    "item_from_plain",
    "plain",
]
