"""What every test may ask for: the real data, and programs of Debian packages."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    """Directory of real test data; tests that ask for it skip where there is none."""
    named = os.environ.get("CLEWLINE_FIXTURES")
    if not named:
        pytest.skip("CLEWLINE_FIXTURES is not set: no real data to test against")
    directory = Path(named)
    if not directory.is_dir():
        pytest.fail(f"CLEWLINE_FIXTURES names no directory: {named}")
    return directory


@pytest.fixture(scope="session")
def core_regtest(fixtures_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bitcoin Core's regtest folder, unpacked: blocks/, rpc.jsonl, truth.json. Read only."""
    directory = tmp_path_factory.mktemp("core-regtest")
    with tarfile.open(fixtures_dir / "bitcoin" / "core-regtest.tar.xz") as archive:
        archive.extractall(directory, filter="data")
    return directory


@pytest.fixture(scope="session")
def regtest_store(core_regtest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Store of the whole regtest chain of Bitcoin Core. Read only: who writes copies it."""
    from clewline.workspace import import_blocks

    store = tmp_path_factory.mktemp("regtest") / "store"
    import_blocks(store, core_regtest / "blocks")
    return store


@pytest.fixture(scope="session")
def needs() -> Callable[[str], str]:
    """Ask for a program of a Debian package: ``chromium = needs("chromium")``.

    Without it the test skips; where `CLEWLINE_NO_SKIP` is set, as in CI, it fails.
    """

    def find(program: str) -> str:
        path = shutil.which(program)
        if path is None:
            reason = f"{program} is not installed (Debian: apt-get install {program})"
            if os.environ.get("CLEWLINE_NO_SKIP"):
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find
