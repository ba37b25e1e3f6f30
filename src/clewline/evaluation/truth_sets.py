"""Chains of which it is known who owns what: made up, emulated, and real ones that tell later.

A made-up case is always at hand. The others are public data that a directory of fixtures holds
(`CLEWLINE_FIXTURES`); they are never part of Clewline.
"""

from __future__ import annotations

import csv
import json
import lzma
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.networks import network_by_name
from clewline.errors import UsageError
from clewline.play import make_play
from clewline.workspace import Rates, Workspace, import_blocks, import_labels
from clewline.workspace.addresses import script_id

PLAY_TRANSACTIONS: Final = 4_000
"""Size of a made-up case."""
SEEDS: Final = {"weights": (1, 2, 3), "calibration": tuple(range(4, 13))}
"""Seeds of made-up cases by what change is fitted on them."""
PUBLISHED_SEED: Final = 42
"""Seed of the made-up case that figures are published of; nothing was fitted to it."""
CASES: Final = {
    "sites": (50_000, (51, 52, 53, 54)),
    "small-sites": (1_000, tuple(range(101, 121))),
}
"""Sets of made-up cases that leads, payers and cash-outs are counted on: size, seeds.

No rule was tuned on them. The first have the payments of a site that court records describe."""
FILES: Final = {
    "labelled": Path("coinjoin/labelled.jsonl.xz"),
    "core-regtest": Path("bitcoin/core-regtest.tar.xz"),
    "wasabi2-run": Path("coinjoin/wasabi2_emulated.tar.xz"),
    "mainnet_0_4312": Path("bitcoin/mainnet_0_4312.blk.dat.xz"),
    "testnet3_0_400": Path("bitcoin/testnet3_0_400.blk.dat.xz"),
}
"""Where a directory of fixtures holds each set."""
OWNED: Final = ("core-regtest", "wasabi2-run", "mainnet_0_4312", "testnet3_0_400")
"""Sets that are chains."""
PAYMENTS: Final = ("core-regtest", "mainnet_0_4312", "testnet3_0_400")
"""Those of them with ordinary payments, whose change is known; the run's payments are all mixes."""


@dataclass(frozen=True)
class Owned:
    """A chain with an owner for scripts.

    Attributes
    ----------
    name : str
        How results call it.
    title : str
        What it is, for readers.
    workspace : Workspace
        The chain.
    owner : ndarray of int64, shape (n_script,), or None
        Number of the owner, -1 where nobody knows; None where later spends must tell.
    """

    name: str
    title: str
    workspace: Workspace
    owner: NDArray[np.int64] | None


@dataclass(frozen=True)
class MadeUp:
    """A made-up case, labelled as somebody outside would have it.

    Attributes
    ----------
    name : str
        How results call the set that it is of.
    title : str
        What it is, for readers.
    workspace : Workspace
        The chain and its labels.
    truth : dict
        Content of ``truth.json`` (`clewline.play.truth`).
    rates : Rates
        What a bitcoin cost on each day.
    """

    name: str
    title: str
    workspace: Workspace
    truth: dict[str, Any]
    rates: Rates

    def owned(self) -> Owned:
        """Return the chain with the owners of all addresses of the story."""
        owner = _owners(self.workspace, self.truth["owner"])
        return Owned(self.name, self.title, self.workspace, owner)


def made_up(directory: Path, name: str, seed: int, transactions: int) -> MadeUp:
    """Make a case up and read its truth.

    Parameters
    ----------
    directory : Path
        Working directory that exists; gets a directory of its own.
    name : str
        How results call it.
    seed : int
        Of the case.
    transactions : int
        About how many.

    Returns
    -------
    MadeUp
        The same for the same seed and size.
    """
    case = directory / f"play-{transactions}-{seed}"
    made = make_play(case, transactions, seed)
    import_blocks(case / "store", made.blocks)
    import_labels(case / "store", [made.labels], recorded=0)
    truth = json.loads(made.truth.read_text(encoding="utf-8"))
    title = f"made-up case of {made.transactions:,} transactions, seed {seed}"
    return MadeUp(name, title, Workspace.open(case / "store"), truth, Rates.read(made.rates))


def title_of_cases(name: str) -> str:
    """Return what one of `CASES` is, for readers."""
    transactions, seeds = CASES[name]
    return (
        f"{len(seeds)} made-up cases of {transactions:,} transactions, seeds {seeds[0]} to "
        f"{seeds[-1]}, labelled as somebody outside would have them; kept aside: nothing was "
        "fitted to them and no rule tuned on them"
    )


def cases(name: str) -> Iterator[MadeUp]:
    """Yield the made-up cases of one of `CASES`, each gone when the next is asked for.

    Parameters
    ----------
    name : str
        Which set.

    Yields
    ------
    MadeUp
        In the order of the seeds.
    """
    transactions, seeds = CASES[name]
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="clewline-case-") as directory:
            yield made_up(Path(directory), name, seed, transactions)


def play(directory: Path, seed: int, transactions: int = PLAY_TRANSACTIONS) -> Owned:
    """Make a case up, with the owners of its addresses.

    Parameters
    ----------
    directory : Path
        Working directory that exists; gets a directory of its own.
    seed : int
        Of the case.
    transactions : int
        About how many.

    Returns
    -------
    Owned
        With the owners of all addresses of the story.
    """
    return made_up(directory, "play", seed, transactions).owned()


def core_regtest(fixtures: Path, directory: Path) -> Owned:
    """Read the story that was played with Bitcoin Core on regtest.

    Parameters
    ----------
    fixtures, directory : Path
        Where the data is, and where to work.

    Returns
    -------
    Owned
        With the owners that its truth file names.
    """
    folder = _unpack(fixtures / FILES["core-regtest"], directory / "core-regtest")
    import_blocks(folder / "store", folder / "blocks")
    workspace = Workspace.open(folder / "store")
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    title = "story played with Bitcoin Core's wallets on regtest"
    return Owned("core-regtest", title, workspace, _owners(workspace, truth["owner"]))


def wasabi2_run(fixtures: Path, directory: Path) -> Owned:
    """Read the run of the real Wasabi 2 on regtest.

    Parameters
    ----------
    fixtures, directory : Path
        Where the data is, and where to work.

    Returns
    -------
    Owned
        With the wallet of each address.
    """
    folder = _unpack(fixtures / FILES["wasabi2-run"], directory / "wasabi2")
    (folder,) = [path for path in folder.iterdir() if path.is_dir()]
    (folder / "blocks").mkdir()
    lines = (folder / "blocks.jsonl").read_text(encoding="utf-8").splitlines()
    magic = network_by_name("regtest").magic
    with (folder / "blocks" / "blk00000.dat").open("wb") as file:
        for raw in map(_raw_block, map(json.loads, lines)):
            file.write(magic + len(raw).to_bytes(4, "little") + raw)
    import_blocks(folder / "store", folder / "blocks")
    workspace = Workspace.open(folder / "store")
    with (folder / "address_owner.csv").open(newline="", encoding="utf-8") as rows:
        owner = {row["address"]: row["wallet"] for row in csv.DictReader(rows)}
    title = "run of the real Wasabi 2 on regtest (crocs-muni)"
    return Owned("wasabi2-run", title, workspace, _owners(workspace, owner))


def first_blocks(fixtures: Path, directory: Path, name: str) -> Owned:
    """Read the first real blocks of a network; who owns what, later spends must tell.

    Parameters
    ----------
    fixtures, directory : Path
        Where the data is, and where to work.
    name : {"mainnet_0_4312", "testnet3_0_400"}
        Which.

    Returns
    -------
    Owned
        Without owners.
    """
    blocks = directory / name / "blocks"
    blocks.mkdir(parents=True)
    packed = (fixtures / FILES[name]).read_bytes()
    (blocks / "blk00000.dat").write_bytes(lzma.decompress(packed))
    import_blocks(directory / name / "store", blocks)
    title = f"first real blocks of {name.partition('_')[0]}, told by later spends together"
    return Owned(name, title, Workspace.open(directory / name / "store"), None)


def labelled_transactions(fixtures: Path) -> Iterator[dict[str, Any]]:
    """Yield real transactions that researchers labelled by CoinJoin family.

    Parameters
    ----------
    fixtures : Path
        Where the data is.

    Yields
    ------
    dict
        ``txid``, ``labels``, ``inputs``, ``outputs``.
    """
    with lzma.open(fixtures / FILES["labelled"], "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def owned(name: str, fixtures: Path, directory: Path) -> Owned:
    """Read one of `OWNED`.

    Parameters
    ----------
    name : str
        Which.
    fixtures, directory : Path
        Where the data is, and where to work.

    Returns
    -------
    Owned
        The chain.

    """
    if name == "core-regtest":
        return core_regtest(fixtures, directory)
    if name == "wasabi2-run":
        return wasabi2_run(fixtures, directory)
    return first_blocks(fixtures, directory, name)


def check_fixtures(fixtures: Path) -> None:
    """Refuse a directory that does not hold every set.

    Parameters
    ----------
    fixtures : Path
        Where the data should be.

    Raises
    ------
    UsageError
        It is no directory, or files are missing; all of them are named.
    """
    if not fixtures.is_dir():
        raise UsageError("is no directory", where=str(fixtures))
    missing = [str(path) for path in FILES.values() if not (fixtures / path).is_file()]
    if missing:
        raise UsageError(f"lacks {', '.join(missing)}", where=str(fixtures))


def _owners(workspace: Workspace, owner: Mapping[str, str]) -> NDArray[np.int64]:
    """Give the owners of a chain's scripts numbers."""
    number: dict[str, int] = {}
    result = np.full(workspace.chain.n_script, -1, np.int64)
    for address, name in owner.items():
        script = script_id(workspace.store, address)
        if script is not None:
            result[script] = number.setdefault(name, len(number))
    return result


def _unpack(archive: Path, directory: Path) -> Path:
    """Unpack an archive of fixtures into a new directory."""
    with tarfile.open(archive) as opened:
        opened.extractall(directory, filter="data")
    return directory


def _raw_block(block: Mapping[str, Any]) -> bytes:
    """Serialise a block of ``getblock <hash> 2``, which gives each transaction in hex."""
    return b"".join(
        (
            block["version"].to_bytes(4, "little"),
            bytes.fromhex(block.get("previousblockhash", "00" * 32))[::-1],
            bytes.fromhex(block["merkleroot"])[::-1],
            block["time"].to_bytes(4, "little"),
            bytes.fromhex(block["bits"])[::-1],
            block["nonce"].to_bytes(4, "little"),
            _compact(len(block["tx"])),
            *(bytes.fromhex(tx["hex"]) for tx in block["tx"]),
        )
    )


def _compact(number: int) -> bytes:
    """Write a CompactSize (Core's ``serialize.h``)."""
    return bytes((number,)) if number < 253 else b"\xfd" + number.to_bytes(2, "little")
