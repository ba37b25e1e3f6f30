"""When each block of a made-up case is made: a warm-up of half a day, then 33 months.

Court records tell of a site's payments over 33 months. A made-up chain has too few transactions
for a block every ten minutes of that time, so its blocks stand far apart, each at some hour within
its share of the time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from clewline.play.dice import Dice

START_TIME: Final = 1_609_459_200  # 2021-01-01T00:00:00Z
DAY_SECONDS: Final = 86_400
DAYS: Final = 1003
"""33 months: from 2021-01-02 to 2023-10-02."""
_WARM_UP_SECONDS: Final = 600
_OPENING: Final = START_TIME + DAY_SECONDS


def block_times(seed: int, warm_up: int, active: int) -> list[int]:
    """Return the header time of each height, UTC seconds, strictly ascending.

    Parameters
    ----------
    seed : int
        Seed of the case.
    warm_up : int
        Blocks after the first, ten minutes apart; less than a day's.
    active : int
        Blocks that share the 33 months evenly.

    Examples
    --------
    >>> times = block_times(1, 110, 24)
    >>> len(times), (times[-1] - times[110]) // DAY_SECONDS > 900
    (135, True)
    """
    clock = Dice(seed, 2)
    times = [START_TIME + _WARM_UP_SECONDS * height for height in range(warm_up + 1)]
    share = DAYS * DAY_SECONDS // active
    times += [_OPENING + share * number + clock.below(share) for number in range(active)]
    return times


def day_of(time: int) -> int:
    """Return the number of the day that a time is in, from 0."""
    return (time - START_TIME) // DAY_SECONDS


def date_of(day: int) -> str:
    """Return a day as ISO 8601.

    Examples
    --------
    >>> date_of(0), date_of(DAYS)
    ('2021-01-01', '2023-10-01')
    """
    return datetime.fromtimestamp(START_TIME + DAY_SECONDS * day, UTC).strftime("%Y-%m-%d")
