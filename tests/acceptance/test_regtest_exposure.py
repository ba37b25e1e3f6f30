"""The exposure index over Bitcoin Core's regtest chain."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.acceptance.core import CoreChain
from tests.workspace.against_traces import hold_against_traces

from clewline.workspace import Workspace


def test_every_address_is_exposed_to_what_its_trace_finds(
    labelled_store: Path, core: CoreChain, tmp_path: Path
) -> None:
    workspace = Workspace.open(Path(shutil.copytree(labelled_store, tmp_path / "store")))
    built = workspace.build_exposure()
    assert built["categories"] == ["exchange"]
    assert all(row["largest_gap"] < 1e-12 for row in built["directions"])
    compared, met = hold_against_traces(workspace, sorted(core.truth["owner"]))
    assert compared > 100
    assert met > 20
