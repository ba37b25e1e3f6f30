"""A made-up case on a regtest chain: real block files, the truth, labels and exchange rates.

The chain is written as Bitcoin Core writes its blocks directory; everything in it is invented,
seeded, and the same bytes on every machine. `clewline.play.truth` documents the truth file.
"""

from __future__ import annotations

from clewline.play.case import PlaySummary, make_play

__all__ = ["PlaySummary", "make_play"]
