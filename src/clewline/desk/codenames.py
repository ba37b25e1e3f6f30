"""Codenames to choose from: two plain nouns that say nothing of what they stand for.

What is offered bears nothing that the person may know of, so that one codename means one thing to
them. What others have does not count: a codename that is never offered, or one that is refused when
it is typed, would tell that a hidden case exists.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User

_FIRST: Final = (
    *("Amber", "Anchor", "Basalt", "Beacon", "Birch", "Bracken", "Brass", "Cedar", "Chalk"),
    *("Clover", "Cobalt", "Copper", "Coral", "Cork", "Cotton", "Ember", "Fern", "Flint"),
    *("Garnet", "Granite", "Harbour", "Hazel", "Heather", "Indigo", "Ivory", "Jade", "Juniper"),
    *("Larch", "Lilac", "Linen", "Maple", "Marble", "Meadow", "Moss", "Nickel", "Oak", "Ochre"),
    *("Olive", "Onyx", "Opal", "Pebble", "Pewter", "Pine", "Quartz", "Reed", "Russet"),
    *("Saffron", "Sable", "Sand", "Sedge", "Silver", "Slate", "Spruce", "Teal", "Thistle"),
    *("Timber", "Topaz", "Tundra", "Umber", "Walnut", "Willow", "Winter", "Zinc"),
)
_ROUNDS: Final = 20
_SECOND: Final = (
    *("Arch", "Barn", "Basket", "Bell", "Bench", "Bridge", "Bucket", "Candle", "Canvas", "Cart"),
    *("Castle", "Chair", "Clock", "Compass", "Door", "Engine", "Fence", "Ferry", "Field"),
    *("Fountain", "Gate", "Glove", "Hammer", "Hill", "Kettle", "Ladder", "Lamp", "Lantern"),
    *("Lever", "Market", "Mast", "Mill", "Mirror", "Needle", "Oar", "Orchard", "Paddle", "Pier"),
    *("Plough", "Pulley", "Quay", "Ramp", "Ribbon", "River", "Roof", "Rope", "Saddle", "Sail"),
    *("Shelf", "Spade", "Spindle", "Spring", "Stair", "Station", "Table", "Tower", "Tunnel"),
    *("Valley", "Wagon", "Wall", "Wheel", "Window"),
)


def suggest(user: User, count: int = 6) -> list[str]:
    """Return different codenames, drawn at random, that nothing bears which `user` may know of."""
    found: dict[str, None] = {}
    for _ in range(_ROUNDS):
        drawn = {f"{secrets.choice(_FIRST)} {secrets.choice(_SECOND)}" for _ in range(2 * count)}
        found |= dict.fromkeys(sorted(drawn - _borne(user, drawn)))
        if len(found) >= count:
            break
    chosen = list(found)
    return secrets.SystemRandom().sample(chosen, min(count, len(chosen)))


def _borne(user: User, names: set[str]) -> set[str]:
    """Return which of some codenames a brand, group or case bears that `user` may know of."""
    from clewline.desk.cases.models import Case
    from clewline.desk.records.models import Brand, Group

    borne: set[str] = set()
    models: tuple[Any, ...] = (Brand, Group, Case)
    for model in models:
        mine = model.objects.visible_to(user).filter(codename__in=names)
        borne.update(mine.values_list("codename", flat=True))
    return borne
