"""Making a whole case: the directory, the blocks one by one, the truth, labels and rates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clewline.errors import StorageError, UsageError
from clewline.play.block_files import BlockFiles
from clewline.play.calendar import block_times
from clewline.play.ledger import Ledger
from clewline.play.story import WARM_UP, Plan, Story
from clewline.play.truth import Truth

SMALLEST: Final = 300
"""Fewer transactions have no room for one of everything."""
LARGEST: Final = 100_000_000
_LARGEST_SEED: Final = 2**32 - 1


@dataclass(frozen=True)
class PlaySummary:
    """What was made.

    Attributes
    ----------
    blocks, truth, labels, rates : Path
        The blocks directory, ``truth.json``, ``labels.csv`` and ``rates.csv``.
    seed, height, transactions, inputs, outputs : int
        Counts include coinbases and the genesis block; a coinbase has no inputs.
    tip : str
        Hash of the last block as shown.
    block_bytes : int
        Length of all records in the block files.
    purchases : int
        Payments to the site.
    """

    blocks: Path
    truth: Path
    labels: Path
    rates: Path
    seed: int
    height: int
    transactions: int
    inputs: int
    outputs: int
    tip: str
    block_bytes: int
    purchases: int


def make_play(
    out: Path,
    transactions: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> PlaySummary:
    """Write a made-up case.

    Parameters
    ----------
    out : Path
        Directory to make; must not exist or be empty. It gets ``blocks/``, ``truth.json``,
        ``labels.csv`` and ``rates.csv``.
    transactions : int
        How many, coinbases included: 300 to 10,000,000. From about 50,000 on the site has the
        7,300 payments in 33 months that court records tell of one; what is more is ordinary
        traffic. A smaller case has fewer payments in the same time.
    seed : int
        0 to 2³² − 1. The same seed and size give the same bytes on every machine.
    progress : callable, optional
        Called after each block with transactions done and wanted.

    Returns
    -------
    PlaySummary
        What was made.

    Raises
    ------
    UsageError
        If a number is out of range or `out` is not empty.
    StorageError
        If the disk refuses; what was written until then is left.

    Notes
    -----
    Cost: about 40 µs a transaction of the story and 5 µs a transaction of ordinary people; 130
    bytes of memory an output.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     make_play(Path(directory), 300, seed=1).transactions
    300
    """
    if not SMALLEST <= transactions <= LARGEST:
        raise UsageError(
            f"a made-up case has {SMALLEST:,} to {LARGEST:,} transactions, not {transactions:,}",
            where="--transactions",
        )
    if not 0 <= seed <= _LARGEST_SEED:
        raise UsageError(f"a seed is 0 to {_LARGEST_SEED:,}, not {seed:,}", where="--seed")
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(
                "is not an empty directory; a made-up case is never written over anything",
                where=str(out),
                hint="name a new directory",
            )
        (out / "blocks").mkdir(parents=True)
        return _make(out, Plan.of_size(transactions), seed, progress)
    except OSError as error:
        raise StorageError(f"cannot write: {error.strerror}", where=str(error.filename)) from error


def _make(
    out: Path, plan: Plan, seed: int, progress: Callable[[int, int], None] | None
) -> PlaySummary:
    """Write blocks, truth, labels and rates."""
    ledger = Ledger(seed)
    times = block_times(seed, WARM_UP, plan.active)
    story = Story(ledger, plan, times)
    files = BlockFiles(out / "blocks", ledger)
    for height in range(1, plan.end + 1):
        story.step(height)
        files.write_block(times[height])
        if progress:
            progress(ledger.transactions + 1, plan.transactions)
    files.close()
    tip = files.tip[::-1].hex()
    truth = Truth(story, times)
    truth_path, labels_path, rates_path = (
        out / name for name in ("truth.json", "labels.csv", "rates.csv")
    )
    record = json.dumps(truth.record(tip), separators=(",", ":"), ensure_ascii=False)
    for path, text in (
        (truth_path, record + "\n"),
        (labels_path, truth.labels()),
        (rates_path, truth.rates()),
    ):
        path.write_text(text, encoding="utf-8", newline="\n")
    return PlaySummary(
        blocks=out / "blocks",
        truth=truth_path,
        labels=labels_path,
        rates=rates_path,
        seed=seed,
        height=files.height,
        transactions=ledger.transactions + 1,
        inputs=ledger.inputs + ledger.prevout.count,
        outputs=ledger.value.count + 1,
        tip=tip,
        block_bytes=files.bytes_written,
        purchases=len(story.site.payments),
    )
