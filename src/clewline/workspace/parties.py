"""Parties in words: an address, an outpoint, the cluster of an address, a labelled entity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from clewline.engine.chain import Chain, UInt32, outputs_of_each
from clewline.engine.paths import Party
from clewline.errors import UsageError
from clewline.store.reader import ChainStore
from clewline.workspace.addresses import member_scripts
from clewline.workspace.attribution import Attribution
from clewline.workspace.tracing import is_outpoint, seed_outputs, seed_script

CLUSTER: Final = "cluster:"
ENTITY: Final = "entity:"


@dataclass(frozen=True)
class NamedParty:
    """A party as it was given, and what it is in the tip."""

    given: str
    kind: str
    party: Party
    owned: UInt32
    """Scripts that are the party's own: no walk stops at what belongs to them."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as part of an answer."""
        return {
            "given": self.given,
            "kind": self.kind,
            "scripts": int(self.owned.size),
            "outputs": int(self.party.outputs.size),
        }


def find_party(store: ChainStore, chain: Chain, attribution: Attribution, given: str) -> NamedParty:
    """Return the party that a text names.

    Parameters
    ----------
    store : ChainStore
        The tip.
    chain : Chain
        Its columns.
    attribution : Attribution
        The labels that name entities.
    given : str
        An address, ``txid:vout``, ``cluster:ADDRESS``, or ``entity:NAME`` for the scripts that
        carry the label of this service or inherit it.

    Raises
    ------
    AddressError, UsageError, UnknownAddressError, UnknownTransactionError
        A text that is malformed, or names nothing of the chain or the labels.
    """
    none = np.empty(0, np.uint32)
    if is_outpoint(given):
        outputs = seed_outputs(store, [given], None, None)
        return NamedParty(given, "outpoint", Party(outputs, none), chain.script[outputs])
    if given.startswith(ENTITY):
        kind, scripts = "entity", _entity_scripts(store, attribution, given.removeprefix(ENTITY))
    elif given.startswith(CLUSTER):
        script = seed_script(store, given.removeprefix(CLUSTER))
        kind, scripts = "cluster", member_scripts(store, script)
    else:
        kind, scripts = "address", np.array([seed_script(store, given)], np.uint32)
    _offset, outputs = outputs_of_each(chain, scripts, chain.n_output)
    return NamedParty(given, kind, Party(np.sort(outputs), scripts), scripts)


def _entity_scripts(store: ChainStore, attribution: Attribution, name: str) -> UInt32:
    """Return the scripts at which a walk would meet a service, ascending."""
    services = attribution.services
    if name not in services.entities:
        known = ", ".join(services.entities[:10]) or "none"
        raise UsageError(
            f"no service of this name among the labels; some that there are: {known}",
            where=ENTITY + name,
        )
    entity = services.entities.index(name)
    own = services.service_scripts[services.service_entity == entity]
    clusters = services.service_clusters[services.cluster_entity == entity]
    inherited = [member_scripts(store, int(cluster)) for cluster in clusters]
    # What a label of its own gives to somebody else is not inherited.
    others = services.service_scripts[services.service_entity != entity]
    scripts: UInt32 = np.setdiff1d(np.concatenate([own, *inherited]), others)
    return scripts
