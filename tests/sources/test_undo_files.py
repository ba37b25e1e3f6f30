"""Reading ``rev*.dat``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.builders import REGTEST_MAGIC, obfuscate, sha256d

from clewline.codec.networks import NETWORKS
from clewline.errors import BlockFileError
from clewline.sources.undo_files import UndoRecord, undo_records

KEY = bytes.fromhex("0badc0de00c0ffee")


def undo(data: bytes, parent: bytes = bytes(32)) -> bytes:
    return REGTEST_MAGIC + len(data).to_bytes(4, "little") + data + sha256d(parent + data)


def read(directory: Path) -> list[UndoRecord]:
    return list(undo_records(directory, NETWORKS["regtest"]))


@pytest.mark.parametrize("key", [None, KEY])
def test_records(tmp_path: Path, key: bytes | None) -> None:
    content = undo(b"one") + undo(b"", b"p" * 32)
    if key:
        (tmp_path / "xor.dat").write_bytes(key)
        content = obfuscate(content, key)
    (tmp_path / "rev00001.dat").write_bytes(content + bytes(100))
    (tmp_path / "rev00000.dat").write_bytes(b"")
    found = read(tmp_path)
    assert [record.data.tobytes() for record in found] == [b"one", b""]
    assert found[1].checksum == sha256d(b"p" * 32)
    assert found[1].place == f"{tmp_path}/rev00001.dat, byte {8 + 3 + 32}"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (undo(b"one")[:-1], "byte 0: the file ends inside this undo record"),
        (undo(b"one") + b"\xfa", "byte 43: no undo record starts here: fa$"),
        (undo(b"one") + b"x" * 50, "byte 43: no undo record starts here: 78787878"),
        (undo(b"one") + bytes(8) + b"x", "byte 43: a byte that is not zero"),
    ],
)
def test_framing_is_strict(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "rev00000.dat").write_bytes(content)
    with pytest.raises(BlockFileError, match=text):
        read(tmp_path)


def test_directory_without_undo_data(tmp_path: Path) -> None:
    with pytest.raises(BlockFileError, match=r"holds no rev00000.dat"):
        read(tmp_path)
