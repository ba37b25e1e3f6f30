"""A run of the real Wasabi 2 on regtest: no cluster holds coins of two wallets."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from clewline.evaluation.truth_sets import wasabi2_run


def test_no_cluster_holds_two_wallets(fixtures_dir: Path, tmp_path: Path) -> None:
    run = wasabi2_run(fixtures_dir, tmp_path)
    rounds = [tx for tx in run.workspace.all_transactions() if tx["coinjoin"]]
    assert sorted(len(tx["inputs"]) for tx in rounds) == [14, 22, 25, 27, 29, 36]
    assert run.owner is not None
    of_wallet = np.flatnonzero(run.owner >= 0)
    assert len(of_wallet) > 200
    wallets: dict[int, set[int]] = defaultdict(set)
    cluster = run.workspace.store.column("structure.cluster")
    for script in of_wallet.tolist():
        wallets[int(cluster[script])].add(int(run.owner[script]))
    assert max(map(len, wallets.values())) == 1
