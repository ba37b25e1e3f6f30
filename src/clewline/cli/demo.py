"""``clewline demo``: the main job on a made-up case, checked against the truth about it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from clewline.cli.output import log, progress_bar
from clewline.errors import UsageError

_MARK: Final = ".clewline-demo"
_SEED: Final = 1


def demo(
    out: Annotated[Path, typer.Option("--out", help="Directory to make, or to make anew.")] = Path(
        "demo"
    ),
    transactions: Annotated[
        int, typer.Option("--transactions", min=300, help="Size of the made-up chain.")
    ] = 50_000,
) -> None:
    """From one address on a payment page to the exchanges that can name the accounts."""
    from clewline.play import make_play
    from clewline.workspace import Workspace, import_blocks, import_labels

    _prepare(out)
    play, store, packs = out / "play", out / "store", out / "packs"
    with progress_bar() as progress:
        _say(1, "A made-up chain, written as Bitcoin Core writes its block files")
        made = make_play(
            play, transactions, _SEED, lambda done, total: progress("Making it up", done, total)
        )
        _tell(
            f"{made.transactions:,} transactions in {made.height + 1:,} blocks, "
            f"{made.block_bytes / 1e6:,.0f} MB; one site with {made.purchases:,} payments"
        )
        _say(2, "Import: proof of work, Merkle roots and witness commitments checked")
        result = import_blocks(store, made.blocks, None, progress)
    _tell(f"tip {result.manifest.tip}, digest {result.manifest.digest[:16]}…")
    labels = import_labels(store, [made.labels])
    _say(3, "Labels: what a vendor says of exchanges, and what a hotline saw")
    _tell(f"{labels.loaded:,} labels, {labels.refused} refused")

    workspace = Workspace.open(store)
    workspace.build_exposure()
    truth = json.loads(made.truth.read_text())
    seen = _address_on_the_page(made.labels, truth)
    page = workspace.address(seen)
    _say(4, f"The address on the payment page: {seen}")
    _tell(
        f"received {page['received']:,} satoshi in {page['transactions']} transactions; "
        f"spent together with {page['cluster_size'] - 1:,} other addresses"
    )
    subjects = workspace.with_clusters([seen])
    _say(5, "Follow the money of all of them: back to who paid, forward to who cashed out")
    report = workspace.report(subjects, packs, case_reference="DEMO-1", note=truth["made_up"])
    for pack in report["packs"]:
        _tell(
            f"{pack['exchange']}: {pack['withdrawals']:,} withdrawals towards the site, "
            f"{pack['deposits']:,} deposits from it"
        )
    _say(6, "Compared with the truth behind the made-up case")
    for line in _compare(packs, truth, set(subjects)):
        _tell(line)
    _say(7, "A made-up desk with what a hotline recorded of that site")
    desk = _fill_desk(out / "desk", play, store)
    log.print()
    log.print("Open these:", style="bold")
    typer.echo(packs / "index.html")
    for pack in report["packs"]:
        typer.echo(pack["html"])
    if desk:
        log.print(f"The desk: {sys.argv[0]} desk serve --home {out / 'desk'} --store {store}")
    log.print(f"Ask on: {sys.argv[0]} address show {seen} --store {store}", style="dim")


def _prepare(out: Path) -> None:
    """Clear an earlier demo; refuse a directory that holds anything else."""
    if out.exists():
        if any(out.iterdir()) and not (out / _MARK).exists():
            raise UsageError("is not empty, and no earlier demo", where=str(out))
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / _MARK).write_text("Made by `clewline demo`, which replaces this directory.\n")


def _fill_desk(home: Path, play: Path, store: Path) -> bool:
    """Make a desk on the case; say what is missing where the desk is not installed."""
    try:
        import django  # noqa: F401
    except ImportError:
        _tell("left out: pip install 'clewline[desk]'")
        return False
    from clewline.desk.home import DeskHome
    from clewline.desk.running import prepare

    os.environ["CLEWLINE_STORE"] = str(store.absolute())
    prepare(DeskHome(home).make(play=True))
    from clewline.desk.play import fill, this_morning
    from clewline.desk.play_work import do_work

    _tell(f"{fill(play):,} sightings")
    this_morning()
    do_work()
    return True


def _say(step: int, text: str) -> None:
    """Announce a step."""
    log.print(f"\n{step}. {text}", style="bold")


def _tell(text: str) -> None:
    """Say what a step gave."""
    log.print(f"   {text}")


def _address_on_the_page(labels: Path, truth: dict[str, Any]) -> str:
    """Return the first address of the site that the hotline saw and that was paid."""
    paid = {purchase["address"] for purchase in truth["purchases"]}
    with labels.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["type"] == "mention"]
    return next(row["address"] for row in rows if row["address"] in paid)


def _compare(packs: Path, truth: dict[str, Any], subjects: set[str]) -> list[str]:
    """Count how much of the truth the request packs hold."""
    outpoints: dict[str, set[str]] = {"withdrawal": set(), "deposit": set()}
    for sheet in packs.glob("*/request.json"):
        for movement in json.loads(sheet.read_text())["movements"]:
            outpoints[movement["direction"]].add(movement["outpoint"])
    lines = []
    for kind, words in (("direct", "straight from an exchange"), ("one_hop", "through one wallet")):
        wanted = [p for p in truth["purchases"] if p["kind"] == kind and p["address"] in subjects]
        found = sum(
            all(
                source["output"] in outpoints["withdrawal"]
                for source in purchase["sources"]
                if source["origin"] == "exchange"
            )
            for purchase in wanted
        )
        lines.append(f"payments {words}: {found:,} of {len(wanted):,} lead to the withdrawal")
    cashouts = [
        f"{cashout['txid']}:{cashout['vout']}"
        for cashout in truth["cashouts"]
        if cashout["service"] in _sites(truth)
    ]
    met = sum(outpoint in outpoints["deposit"] for outpoint in cashouts)
    lines.append(f"cash-outs: {met} of {len(cashouts)} found")
    return lines


def _sites(truth: dict[str, Any]) -> set[str]:
    """Return the ids of the sites of a case."""
    return {entity["id"] for entity in truth["entities"] if entity["kind"] == "site"}
