"""From which partner a team has its records."""

from __future__ import annotations

from collections.abc import Collection

from clewline.desk.received.models import Origin
from clewline.desk.records.models import Sighting


def givers_of_sightings(sightings: Collection[int]) -> dict[int, str]:
    """Return of each sighting that a partner gave that partner's reference.

    What corrects a sighting is from whom that was.
    """
    lines = {one: one for one in sightings}
    found: dict[int, str] = {}
    while lines:
        origins = Origin.objects.filter(sighting__in=lines).order_by("-id")
        for given, ref in origins.values_list("sighting", "partner__ref"):
            if given is not None:
                found[lines[given]] = ref
        corrected = Sighting.objects.filter(pk__in=lines, supersedes__isnull=False)
        steps = corrected.values_list("pk", "supersedes")
        lines = {before: lines[after] for after, before in steps if before is not None}
    return found


def givers_of_addresses(team_id: int, addresses: Collection[int]) -> dict[int, str]:
    """Return of each address that a team has from a partner that partner's reference, the first."""
    origins = Origin.objects.filter(team=team_id, address__in=addresses).order_by("-id")
    return {one: ref for one, ref in origins.values_list("address", "partner__ref") if one}
