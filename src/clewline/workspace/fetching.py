"""A partial store around a case, from an Esplora server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clewline.codec.address import script_of
from clewline.errors import NodeError, UsageError
from clewline.sources.active_chain import shown
from clewline.sources.answers import NAME, Answers
from clewline.sources.esplora import Esplora, EsploraServer, EsploraTip, esplora_server
from clewline.sources.partial_chain import History, PartialChain, fetch_around
from clewline.sources.server import Report
from clewline.store.coverage import Coverage, Loaded, clear_coverage, write_coverage
from clewline.store.importer import Progress, no_progress
from clewline.store.manifest import Manifest
from clewline.store.writer import StoreWriter
from clewline.workspace.importing import chain_of, whole_structure

MARKINGS: Final = ("green", "clear")
"""Markings of the Permissible Actions Protocol under which others may learn what is asked."""


@dataclass(frozen=True)
class FetchResult:
    """What a fetch did.

    Attributes
    ----------
    manifest : Manifest
        The tip that is published now.
    asked : int
        Requests that the server answered; what was kept was not asked again.
    transactions, outputs_only : int
        Loaded with their inputs; known for their outputs alone.
    left_out : int
        Wanted, but beyond the bound.
    histories : dict of str to History
        By address.
    """

    manifest: Manifest
    asked: int
    transactions: int
    outputs_only: int
    left_out: int
    histories: dict[str, History]


def connect_esplora(
    url: str, pap: str | None, per_second: float, report: Report = lambda _line: None
) -> EsploraServer:
    """Prepare to ask an Esplora server; nothing is sent yet.

    Parameters
    ----------
    url : str
        ``https://host/api``.
    pap : {"green", "clear"}
        Marking of the case in the Permissible Actions Protocol. Nothing else allows this.
    per_second : float
        Most requests a second; 0 for no limit.
    report : callable
        Told what an operator should know: first of all, what the server learns.

    Returns
    -------
    EsploraServer
        For `fetch_chain`.

    Raises
    ------
    UsageError
        No such marking, or no such URL.
    """
    if pap not in MARKINGS:
        given = "none is given" if pap is None else f"{pap!r} does not allow it"
        raise UsageError(
            "an outside look-up tells whoever runs the server what is investigated, so the case "
            f"needs a marking that allows it: {' or '.join(MARKINGS)}; {given}",
            where="--pap",
            hint="PAP green: actions that outsiders may notice; PAP clear: no restriction. Under "
            "amber or red, import a chain of your own",
        )
    server = esplora_server(url, per_second, report)
    report(
        f"{server.shown} learns every address and transaction that is asked about, when, and from "
        f"which network address; allowed by PAP {pap}"
    )
    return server


def fetch_chain(
    store: Path,
    server: EsploraServer,
    addresses: Sequence[str],
    pap: str,
    hops: int = 1,
    max_transactions: int = 1000,
    progress: Progress = no_progress,
) -> FetchResult:
    """Bring a partial store around some addresses to the tip of an Esplora server.

    What was answered is kept in the store's directory. A run that was cut off goes on as of the tip
    where it began, and asks for nothing that it has. A later run comes to a new tip, takes the
    addresses of the last one with it, and asks again only for what can have changed.

    Parameters
    ----------
    store : Path
        Made if there is none.
    server : EsploraServer
        From `connect_esplora`.
    addresses : sequence of str
        Addresses of the case.
    pap : str
        As for `connect_esplora`; written down with what is asked.
    hops : int
        How many transactions to go beyond those of the addresses, forward and backward.
    max_transactions : int
        Transactions to load at most, with those that are known for their outputs alone.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    FetchResult
        What was done.

    Raises
    ------
    NodeError
        The server cannot be reached, stays busy, or reorganised meanwhile.
    NodeAnswerError, ChainError
        An answer is not what was asked for, or does not prove what it says.
    AddressError, UsageError
        An address of another network, none at all, or a store of a whole chain.
    StoreLockedError, StorageError, StoreVersionError, StoreDamagedError
        In these cases and those above the store keeps its tip; answers stay kept.
    """
    with Esplora(server) as esplora:
        network = esplora.network()
        for address in addresses:
            script_of(address, network)
        with (
            StoreWriter(store, network, partial=True) as writer,
            Answers(store / NAME) as answers,
        ):
            last = answers.last_published()
            wanted = list(dict.fromkeys((*(last.addresses if last else ()), *addresses)))
            if not wanted:
                raise UsageError("give an address", where="ADDRESS")
            tip = _tip(esplora, answers)
            answers.begin(server.shown, pap, wanted, tip.height, shown(tip.hash))
            esplora.as_of(tip, answers)
            chain = fetch_around(esplora, tip, wanted, hops, max_transactions, progress)
            if esplora.hash_at(tip.height) != tip.hash:
                raise NodeError(
                    f"a reorganisation took away block {tip.height:,} meanwhile",
                    where=server.shown,
                    hint="run again; what was fetched and still holds is kept",
                )
            manifest = _publish(writer, chain, tip, answers.first_asked())
            answers.publish()
        return FetchResult(
            manifest=manifest,
            asked=esplora.asked,
            transactions=chain.parsed.txid.shape[0] - int(chain.parsed.block_tx[1]),
            outputs_only=int(chain.parsed.block_tx[1]),
            left_out=chain.left_out,
            histories=chain.histories,
        )


def _tip(esplora: Esplora, answers: Answers) -> EsploraTip:
    """Return the tip of a run that was cut off, if it is still on the chain, or the newest."""
    last, published = answers.last_run(), answers.last_published()
    if last is not None and (published is None or published.number != last.number):
        begun = EsploraTip(esplora.network(), last.height, bytes.fromhex(last.tip)[::-1])
        if esplora.hash_at(last.height) == begun.hash:
            return begun
    return esplora.tip()


def _publish(writer: StoreWriter, chain: PartialChain, tip: EsploraTip, fetched: int) -> Manifest:
    """Put a part of a chain into the store in place of what it holds."""
    coverage = Coverage(
        server=chain.server,
        fetched=fetched,
        height=chain.height,
        outputs_only=int(chain.parsed.block_tx[1]),
        settled=chain.settled.view("u1"),
        addresses={
            one.script.hex(): Loaded(one.loaded, one.total, one.complete)
            for one in chain.histories.values()
        },
    )
    if writer.base.tip:
        writer.restart()
    writer.append(chain.parsed, lambda block: f"{chain.server}, height {chain.height[block]:,}")
    digest = write_coverage(writer.path, coverage)
    sealed = writer.seal(digest, tip.height)
    structure = whole_structure(chain_of(sealed), mweb=sealed.network.coin.form.mweb)
    manifest = writer.publish(sealed, structure, anew=True)
    clear_coverage(writer.path, digest)
    return manifest
