"""Deposit addresses of services, inferred from how their coins are swept.

Services give each customer an address and gather what comes in: a *sweep* spends the coins of
several such addresses at once, and all that it pays goes to the service's own wallet. An address
whose every spend goes there is the service's deposit address, although no label names it.

The trap is a customer who empties several addresses into the service: in the customer's
transaction, too, all goes to an address of the service. That address is a deposit address, which
the service sweeps in its turn. So a sweep counts only if it goes to an address that the service
pays *out* of, or spends a coin of the service's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from clewline.engine.chain import Bool, Chain, Int64, UInt32, outputs_of_each
from clewline.engine.heuristics.coinjoin import family_mixes_owners
from clewline.engine.taint import Stops, stop_columns
from clewline.engine.taint_walk import NO_ENTITY, Int32, StopColumns, owner_of, owners_of
from clewline.errors import UsageError
from clewline.jit import kernel

RULE: Final = "deposit_sweep"

MOST_OUTPUTS: Final = 1000
"""An address that received more outputs is not judged: the sweep of each would have to be read."""

_SPENDS_LOOKED_AT: Final = 100  # a wallet that pays out does so often


@dataclass(frozen=True)
class Deposits:
    """Inferred deposit addresses, one row a script, ascending.

    Attributes
    ----------
    script : ndarray of uint32, shape (n,)
        Script id.
    entity : ndarray of int32, shape (n,)
        The service, as `Stops` numbers it.
    sweep_offset : ndarray of int64, shape (n + 1,)
        The sweeps of row k are ``sweep[sweep_offset[k] : sweep_offset[k + 1]]``.
    sweep : ndarray of int64
        Transactions, ascending within a script.
    """

    script: UInt32
    entity: Int32
    sweep_offset: Int64
    sweep: Int64


@kernel
def _is_swept(
    script: int,
    first_output: Int64,
    next_output: Int64,
    spender: UInt32,
    tx_output: Int64,
    value: Int64,
    scripts: UInt32,
    labels: StopColumns,
) -> bool:
    """Tell whether the first output of a script that is spent is spent to services alone."""
    output = first_output[script]
    for _ in range(MOST_OUTPUTS):
        if not 0 <= output < next_output.size:
            return False
        tx = np.int64(spender[output])
        if tx < tx_output.size - 1:
            for paid in range(tx_output[tx], tx_output[tx + 1]):
                if value[paid] and owner_of(np.int64(scripts[paid]), labels)[1] == NO_ENTITY:
                    return False
            return True
        output = next_output[output]
    return False


def may_be_deposit(chain: Chain, labels: StopColumns, script: int) -> bool:
    """Tell whether it is worth asking `infer_deposits` about a script: cheap, and mostly not.

    Parameters
    ----------
    chain : Chain
        The chain.
    labels : StopColumns
        Of the same stops.
    script : int
        Script id.

    Returns
    -------
    bool
        False only where `infer_deposits` does not find the script.

    Cost
    ----
    One step an output of the script up to its first spend, and that transaction's outputs.
    """
    return bool(
        _is_swept(
            script,
            chain.first_output,
            chain.next_output,
            chain.spender,
            chain.tx_output,
            chain.value,
            chain.script,
            labels,
        )
    )


def infer_deposits(chain: Chain, stops: Stops, scripts: UInt32) -> Deposits:
    """Find which of some scripts are deposit addresses of a labelled service.

    Method: the deposit-address reuse of Victor ("Address Clustering Heuristics for Ethereum", FC
    2020), carried over to sweeps of unspent outputs. A script is one if it carries no service's
    label itself, every output of it that is spent is spent by a sweep into one and the same
    service, and at least one of these sweeps gathers the coins of two scripts or more that carry no
    service's label, or spends a coin of that service with them. A sweep is a transaction that is no
    CoinJoin and pays (but for outputs of no value) to scripts of that service alone; either it
    spends a coin of the service too, or the script that gets most has paid somebody without a label
    from one of its first 100 coins.

    Parameters
    ----------
    chain : Chain
        The chain.
    stops : Stops
        Labels of services, and verdicts on CoinJoins; what is own does not matter here.
    scripts : ndarray of uint32
        Scripts to judge, in any order.

    Returns
    -------
    Deposits
        Inferred, never asserted: not to be stored as a label.

    Raises
    ------
    UsageError
        If a script is not in the chain.

    Limits
    ------
    A customer's wallet that only ever emptied several addresses at once into an address that the
    service also pays out of looks the same. A deposit address that was only ever swept alone is not
    found. Scripts of more than
    `MOST_OUTPUTS` outputs are not judged.

    Cost
    ----
    One step an output of the scripts; one look at the inputs and outputs of each spending
    transaction, however many of the scripts it spends.
    """
    wanted = np.unique(np.asarray(scripts, np.uint32))
    if wanted.size and wanted[-1] >= chain.n_script:
        raise UsageError(
            f"script {wanted[-1]}; allowed is 0 to {chain.n_script - 1}", where="scripts"
        )
    labels = _labels(stops)
    offset, outputs = outputs_of_each(chain, wanted, MOST_OUTPUTS + 1)
    count = np.diff(offset)
    judged = (count <= MOST_OUTPUTS) & (owners_of(wanted, labels) == NO_ENTITY)
    row = np.repeat(np.arange(wanted.size), count)
    spender = chain.spender[outputs].astype(np.int64)
    spent = judged[row] & (spender < chain.n_tx)
    # One row a script and transaction, by script.
    rows = np.unique(np.column_stack((row[spent], spender[spent])), axis=0)
    if not len(rows):
        none = np.empty(0, np.int64)
        return Deposits(wanted[:0], none.astype(np.int32), np.zeros(1, np.int64), none)
    transactions, position = np.unique(rows[:, 1], return_inverse=True)
    into, shows = (column[position] for column in _sweeps_into(chain, labels, transactions))
    first = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
    # One spend that is no sweep, or goes into another service, and the script is out.
    least, greatest = np.minimum.reduceat(into, first), np.maximum.reduceat(into, first)
    found = (least == greatest) & (least != NO_ENTITY) & np.logical_or.reduceat(shows, first)
    sweeps = np.diff(first, append=len(rows))
    return Deposits(
        script=wanted[rows[first[found], 0]],
        entity=least[found].astype(np.int32),
        sweep_offset=np.concatenate(([0], np.cumsum(sweeps[found]))),
        sweep=rows[np.repeat(found, sweeps), 1],
    )


def _labels(stops: Stops) -> StopColumns:
    """Columns of the labels alone: whose money is followed does not change whose an address is."""
    return stop_columns(
        Stops(
            service_scripts=stops.service_scripts,
            service_entity=stops.service_entity,
            service_clusters=stops.service_clusters,
            cluster_entity=stops.cluster_entity,
            cluster=stops.cluster,
            coinjoin=stops.coinjoin,
        )
    )


def _sweeps_into(chain: Chain, labels: StopColumns, transactions: Int64) -> tuple[Int32, Bool]:
    """Entity into whose wallet each transaction is a sweep, and whether it shows whose coins it is.

    Where it is none, `NO_ENTITY`. It shows that by several scripts, or by a coin of the wallet.
    """
    entity = np.empty(transactions.size, np.int32)
    several = np.empty(transactions.size, np.bool_)
    own_coin = np.empty(transactions.size, np.bool_)
    paid = np.empty(transactions.size, np.uint32)
    columns = (chain.tx_input, chain.tx_output, chain.prevout, chain.value, chain.script)
    _gather_into(transactions, *columns, labels, entity, several, own_coin, paid)
    receivers = np.unique(paid[entity != NO_ENTITY])
    offset, outputs = outputs_of_each(chain, receivers, _SPENDS_LOOKED_AT)
    spender = chain.spender[outputs].astype(np.int64)
    pays_out = np.zeros(receivers.size, np.bool_)
    _pay_out(offset, spender, chain.tx_output, chain.value, chain.script, labels, pays_out)
    entity[~own_coin & ~np.isin(paid, receivers[pays_out])] = NO_ENTITY
    return entity, several | own_coin


@kernel
def _gather_into(
    transactions: Int64,
    tx_input: Int64,
    tx_output: Int64,
    prevout: Int64,
    value: Int64,
    script: UInt32,
    labels: StopColumns,
    entity: Int32,
    several: Bool,
    own_coin: Bool,
    paid: UInt32,
) -> None:
    """Tell which transactions pay one service alone, out of `several` scripts or one, and where to.

    Scripts of services do not count among these; `own_coin` tells that the same service's own coin
    is spent, too. `paid` is the script that gets most.
    """
    for k in range(transactions.size):
        tx = transactions[k]
        entity[k] = NO_ENTITY
        several[k] = False
        paid[k] = 0
        if labels.coinjoin.size and family_mixes_owners(labels.coinjoin[tx]):
            continue
        own_coin[k] = False
        first = np.int64(-1)
        spender = np.int64(NO_ENTITY)
        for row in range(tx_input[tx], tx_input[tx + 1]):
            spent = np.int64(script[prevout[row]])
            service = owner_of(spent, labels)[1]
            if service != NO_ENTITY:
                spender = np.int64(service)
            elif first < 0:
                first = spent
            elif spent != first:
                several[k] = True
        into = np.int64(NO_ENTITY)
        most = np.int64(0)
        for output in range(tx_output[tx], tx_output[tx + 1]):
            if value[output] == 0:
                continue
            service = owner_of(np.int64(script[output]), labels)[1]
            if service == NO_ENTITY or into not in (NO_ENTITY, service):
                into = np.int64(NO_ENTITY)
                break
            into = np.int64(service)
            if value[output] > most:
                most = value[output]
                paid[k] = script[output]
        entity[k] = into
        own_coin[k] = into != NO_ENTITY and spender == into


@kernel
def _pay_out(
    offset: Int64,
    spender: Int64,
    tx_output: Int64,
    value: Int64,
    script: UInt32,
    labels: StopColumns,
    pays_out: Bool,
) -> None:
    """Tell which of some scripts of services take part in a payment to somebody without a label."""
    for k in range(pays_out.size):
        for at in range(offset[k], offset[k + 1]):
            tx = spender[at]
            if tx >= tx_output.size - 1:
                continue
            for output in range(tx_output[tx], tx_output[tx + 1]):
                if value[output] > 0 and owner_of(np.int64(script[output]), labels)[1] == NO_ENTITY:
                    pays_out[k] = True
                    break
            if pays_out[k]:
                break
