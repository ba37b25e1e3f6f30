"""Codenames to choose from: two plain nouns that say nothing of what they stand for.

Nobody is told whether a codename is taken: that would tell that a hidden case exists.
"""

from __future__ import annotations

import secrets
from typing import Final

_FIRST: Final = (
    *("Amber", "Anchor", "Basalt", "Beacon", "Birch", "Bracken", "Brass", "Cedar", "Chalk"),
    *("Clover", "Cobalt", "Copper", "Coral", "Cork", "Cotton", "Ember", "Fern", "Flint"),
    *("Garnet", "Granite", "Harbour", "Hazel", "Heather", "Indigo", "Ivory", "Jade", "Juniper"),
    *("Larch", "Lilac", "Linen", "Maple", "Marble", "Meadow", "Moss", "Nickel", "Oak", "Ochre"),
    *("Olive", "Onyx", "Opal", "Pebble", "Pewter", "Pine", "Quartz", "Reed", "Russet"),
    *("Saffron", "Sable", "Sand", "Sedge", "Silver", "Slate", "Spruce", "Teal", "Thistle"),
    *("Timber", "Topaz", "Tundra", "Umber", "Walnut", "Willow", "Winter", "Zinc"),
)
_SECOND: Final = (
    *("Arch", "Barn", "Basket", "Bell", "Bench", "Bridge", "Bucket", "Candle", "Canvas", "Cart"),
    *("Castle", "Chair", "Clock", "Compass", "Door", "Engine", "Fence", "Ferry", "Field"),
    *("Fountain", "Gate", "Glove", "Hammer", "Hill", "Kettle", "Ladder", "Lamp", "Lantern"),
    *("Lever", "Market", "Mast", "Mill", "Mirror", "Needle", "Oar", "Orchard", "Paddle", "Pier"),
    *("Plough", "Pulley", "Quay", "Ramp", "Ribbon", "River", "Roof", "Rope", "Saddle", "Sail"),
    *("Shelf", "Spade", "Spindle", "Spring", "Stair", "Station", "Table", "Tower", "Tunnel"),
    *("Valley", "Wagon", "Wall", "Wheel", "Window"),
)


def suggest(count: int = 6) -> list[str]:
    """Return some different codenames drawn at random, such as ``Amber Kettle``.

    Examples
    --------
    >>> len(set(suggest(5)))
    5
    """
    found: dict[str, None] = {}
    while len(found) < count:
        found[f"{secrets.choice(_FIRST)} {secrets.choice(_SECOND)}"] = None
    return list(found)
