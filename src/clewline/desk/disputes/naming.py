"""Which address a dispute is about: an address as it was written, or a reference from an alert."""

from __future__ import annotations

from typing import Final

from clewline.desk.addresses.services import Key
from clewline.desk.alerts.models import Answer, Copy, Told
from clewline.desk.records.models import Address, KnownAddress
from clewline.desk.search.reading import read
from clewline.errors import UsageError

_QUOTED: Final = "R-"


def key_named(team_id: int, text: str) -> Key:
    """Return the one address that a text names.

    Parameters
    ----------
    team_id : int
        Whose references and records count.
    text : str
        An address, with the chain before it where it could be of several; or the reference of an
        item, or of an alert with one item, as its recipient knows it.

    Raises
    ------
    UsageError
        If it names none, or more than one.
    """
    text = text.strip()
    if text.upper().startswith(_QUOTED):
        return _quoted(team_id, text.upper())
    chain, _, rest = text.partition(" ")
    found = _written(rest.strip(), chain.upper()) if rest else _written(text)
    if len(found) > 1:
        known = KnownAddress.objects.filter(team=team_id, canonical__in={key[2] for key in found})
        mine = {_key(one.address) for one in known.select_related("address")}
        found = [key for key in found if key in mine] or found
    if len(found) == 1:
        return found[0]
    if found:
        chains = ", ".join(sorted({key[0] for key in found}))
        raise UsageError(
            "may be of several chains", where="named", hint=f"one of {chains} before the address"
        )
    raise UsageError(
        "names no address", where="named", hint="an address, or R-… as an alert's recipient has it"
    )


def key_answered(answer: Answer) -> str:
    """Return how a recipient named what they dispute: the item, or the whole alert."""
    return answer.item or answer.copy.ref


def _written(text: str, chain: str = "") -> list[Key]:
    """Return the addresses that a text may be."""
    readings = read(text, whole=True).readings if text else ()
    keys = [(one.chain, one.network, one.canonical) for one in readings]
    return [key for key in dict.fromkeys(keys) if not chain or key[0].upper() == chain]


def _quoted(team_id: int, ref: str) -> Key:
    """Return the address that a recipient's reference stands for."""
    items = Told.objects.filter(team=team_id, ref=ref).select_related("address")
    found = {_key(one.address) for one in items}
    if not found:
        copies = Copy.objects.filter(alert__team=team_id, ref=ref)
        shown = Address.objects.filter(
            pk__in=Told.objects.filter(team=team_id, copy__in=copies).values("address")
        )
        found = {_key(one) for one in shown}
    if len(found) == 1:
        return found.pop()
    raise UsageError(
        "stands for several addresses" if found else "is no reference that this team gave",
        where="named",
        hint="the reference of one item, or the address",
    )


def _key(address: Address) -> Key:
    """Return chain, network and canonical form."""
    return address.chain, address.network, address.canonical
