"""The table of measures: what is counted, in which unit, by which definition and version of it.

A changed definition gets a new version here. What was published keeps its own words, so that a row
of years shows where they stop being comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Measure:
    """Something that is counted.

    Attributes
    ----------
    id : str
        Its name in files and in the API.
    title : str
        Words that people read.
    unit : str
        What is counted.
    definition : str
        What belongs to it, in one sentence or a few.
    version : int
        Of the definition and of the way of counting. A change of either is a new version.
    denominator : str
        Of what it is a part; empty where it stands alone.
    groups : str
        By what it is told apart; empty where it is one number.
    adds_up : bool
        Whether the groups are the parts of the total.
    bar : str
        The group that the chart of months shows; that of all unless it says another.
    """

    id: str
    title: str
    unit: str
    definition: str
    version: int = 1
    denominator: str = ""
    groups: str = ""
    adds_up: bool = True
    bar: str = ""


COMMON: Final = (
    "Counted is what stands: a sighting that was corrected or withdrawn is not counted, its "
    "correction is. A year and a month are those in which the page was seen, in UTC. Each period "
    "is counted by itself, so months do not add up to a year where the same thing was seen in two "
    "of them. Cases, sealed or not, are never counted."
)
"""What holds for every measure."""

MEASURES: Final = (
    Measure(
        "sightings",
        "Sightings",
        "sighting",
        "What one page said at one time; each refresh is a sighting of its own.",
        groups="whether the address of the site was recorded",
    ),
    Measure(
        "pages",
        "Pages",
        "page by fingerprint",
        "Different addresses of pages, by their keyed fingerprint. Where no address was recorded, "
        "a page and its refreshes are one.",
    ),
    Measure(
        "sites",
        "Sites with payment options",
        "site at domain level",
        "Different host names. With payment options: at least one was recorded. None seen: "
        "somebody noted where means of payment show, and recorded no option. Not looked at: "
        "neither. Pages without an address are left out.",
        denominator="sites recorded; sites looked at are the first two groups",
        groups="what was seen of payment",
    ),
    Measure(
        "options_by_rail",
        "Payment options by rail",
        "payment option of a page",
        "A page's rail, asset and network, once a period however often the page was refreshed and "
        "however many prices it has.",
        groups="rail",
    ),
    Measure(
        "options_by_asset",
        "Cryptocurrency options by asset and network",
        "payment option of a page",
        "As by rail, those in cryptocurrency alone.",
        denominator="payment options in cryptocurrency",
        groups="asset and network",
    ),
    Measure(
        "new_brands",
        "New brands",
        "brand",
        "Codenames whose first sighting that stands was in the period. What was judged the same "
        "brand is not put together.",
    ),
    Measure(
        "commercial",
        "Pages by commercial kind",
        "page by fingerprint",
        "Pages as classified. A page that was classified in two ways counts in both.",
        denominator="pages",
        groups="commercial kind",
        adds_up=False,
    ),
    Measure(
        "hosting",
        "Sites by hosting country",
        "site at domain level",
        "Different host names by recorded country of hosting. A site that moved counts in both.",
        denominator="sites recorded",
        groups="country (ISO 3166-1)",
        adds_up=False,
    ),
    Measure(
        "lookups",
        "Look-ups by country",
        "look-up request",
        "Requests of agencies, answered or not, by the country of the agency and the time of the "
        "request.",
        version=2,
        groups="country (ISO 3166-1)",
    ),
    Measure(
        "service_times",
        "Time to answer look-ups",
        "look-up request",
        "Requests made in the period, whether urgent, and how many were answered until now. Hours "
        "run from the request to the release of its first answer, whatever that says: known, "
        "nothing that can be shared, or to ask otherwise. The median and the 90th percentile are "
        "interpolated linearly, and stand in the month of the request. The chart shows the median.",
        denominator="requests answered, of those of the same urgency",
        groups="urgency and statistic",
        adds_up=False,
        bar="median (hours)",
    ),
    Measure(
        "removal",
        "Removal of reported pages",
        "page with its refreshes",
        "Pages first reported to a host or hotline in the period. Hours run from that report to "
        "the first note of removal, by the desk or by the hotline to which it was reported; "
        "quartiles are interpolated linearly. Still up: not removed until now, or back again.",
        version=2,
        denominator="pages reported",
        groups="outcome",
        adds_up=False,
    ),
    Measure(
        "disputes",
        "Disputes of listings by outcome",
        "dispute",
        "What anybody disputed and was received in the period, by what two people decided. Hours "
        "run from the day of receipt, at 00:00 UTC, to the decision.",
        groups="outcome",
        adds_up=False,
    ),
    Measure(
        "refreshes",
        "Refreshes of a page",
        "page with its refreshes",
        "Sightings of each page that were made in the period.",
        denominator="pages seen",
        groups="statistic",
        adds_up=False,
    ),
    Measure(
        "new_addresses",
        "Addresses seen for the first time",
        "address on a chain and network",
        "Addresses of any chain whose first sighting that stands was in the period.",
    ),
)
"""Every measure, in the order of pages and files."""

TOTAL: Final = ""
"""Group that stands for all groups together."""
TIMES: Final = ("median (hours)", "90th percentile (hours)")
"""Statistics of times, in their order."""
STATISTICS: Final = frozenset(
    {"lower quartile (hours)", "median (hours)", "upper quartile (hours)"}
    | {"median sightings", "most sightings"}
    | {f"{of}{what}" for of in ("", "urgent: ", "not urgent: ") for what in TIMES}
)
"""Groups whose value is no count."""


def measure(name: str) -> Measure:
    """Return a measure by its id.

    Examples
    --------
    >>> measure("new_brands").unit
    'brand'
    """
    return {one.id: one for one in MEASURES}[name]
