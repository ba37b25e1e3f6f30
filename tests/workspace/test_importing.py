from __future__ import annotations

import os
from pathlib import Path

import pytest

from clewline.errors import TooLargeError
from clewline.play import make_play
from clewline.workspace import import_blocks


def test_an_import_that_cannot_fit_into_memory_is_refused_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_play(tmp_path / "play", 300, 1)
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    with pytest.raises(TooLargeError, match=r"needs about 0\.0 GB of memory"):
        import_blocks(tmp_path / "store", made.blocks)
    assert not (tmp_path / "store").exists()
    monkeypatch.undo()
    assert import_blocks(tmp_path / "store", made.blocks).appended == made.height + 1
