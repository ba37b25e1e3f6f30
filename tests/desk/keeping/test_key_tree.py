"""The tree of keys: what is cut out is gone, all else stays, whenever it is interrupted."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clewline.desk.home import DeskHome
from clewline.desk.key_tree import LEAVES, Erased, KeyTree, cut
from clewline.desk.vault import Vault, open_vault
from clewline.errors import DeskMissingError, ErasedError, SealError

ROOT = bytes(range(32))
LEVELS = 7


def tree(path: Path) -> KeyTree:
    made = KeyTree(path, ROOT)
    made.plant()
    return made


def erased(*numbers: int) -> list[Erased]:
    return [Erased(number, f"{number:032x}", "2026-03-02", {}) for number in numbers]


def leaves_of(nodes: list[tuple[int, bytes]]) -> dict[int, bytes]:
    """Walk down from every node to its leaves, in a small tree."""
    found = {}
    for node, key in nodes:
        level = LEVELS + 1 - node.bit_length()
        found |= {
            leaf: value
            for one in range(node << level, (node + 1) << level)
            for leaf, value in cut_to(node, level, key, one)
        }
    return found


def cut_to(node: int, level: int, key: bytes, leaf: int) -> list[tuple[int, bytes]]:
    """Return one leaf, by leaving out all others."""
    others = [one for one in range(node << level, (node + 1) << level) if one != leaf]
    return list(cut(node, level, key, others))


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, (1 << LEVELS) - 1)))
def test_all_leaves_but_those_follow(numbers: set[int]) -> None:
    before = leaves_of([(1, ROOT)])
    gone = sorted((1 << LEVELS) + number for number in numbers)
    after = leaves_of(list(cut(1, LEVELS, ROOT, gone)))
    assert after == {leaf: key for leaf, key in before.items() if leaf not in gone}


def test_what_is_cut_out_is_gone_and_all_else_stays(tmp_path: Path) -> None:
    one = tree(tmp_path / "tree")
    before = {number: one.leaf(number) for number in (0, 1, 2, 5, 99, LEAVES - 1)}
    assert len(set(before.values())) == len(before)
    assert one.cut_out(erased(1, 5)) == 2
    assert one.cut_out(erased(5, 99)) == 1
    for number in (1, 5, 99):
        with pytest.raises(ErasedError, match="2026-03-02"):
            one.leaf(number)
    again = KeyTree(tmp_path / "tree", ROOT)
    assert {number: again.leaf(number) for number in (0, 2, LEAVES - 1)} == {
        number: before[number] for number in (0, 2, LEAVES - 1)
    }
    # Nothing in the file gives a leaf that was cut out: no node of it stands above one.
    with sqlite3.connect(tmp_path / "tree") as raw:
        nodes = {row[0] for row in raw.execute("SELECT id FROM node")}
    assert not any((LEAVES + 5) >> up in nodes for up in range(33))
    assert (tmp_path / "tree").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_ten_thousand_in_a_row_leave_few_nodes(tmp_path: Path) -> None:
    one = tree(tmp_path / "tree")
    one.cut_out(erased(*range(10_000)))
    with sqlite3.connect(tmp_path / "tree") as raw:
        assert raw.execute("SELECT COUNT(*) FROM node").fetchone()[0] < 40
    assert len(one.leaf(10_000)) == 32


def test_another_root_key_opens_nothing(tmp_path: Path) -> None:
    tree(tmp_path / "tree")
    with pytest.raises(SealError):
        KeyTree(tmp_path / "tree", bytes(32)).leaf(0)


@pytest.fixture
def home(tmp_path: Path) -> DeskHome:
    return DeskHome(tmp_path / "desk").make()


def test_the_vault_destroys_here_and_in_the_escrow(home: DeskHome) -> None:
    vault = open_vault(home)
    keys = [vault.new_key() for _ in range(4)]
    sealed = vault.seal(keys[1], "made up", "a")
    old = sorted(vault.rows())
    assert vault.destroy({keys[1]: {"ref": "S-1"}}) == 1
    assert vault.destroy({keys[1]: {"ref": "S-1"}}) == 0
    assert vault.is_destroyed(keys[1])
    with pytest.raises(ErasedError):
        vault.unseal(keys[1], sealed, "a")
    vault.seal(keys[0], "x", "a")
    # An older copy of the vault, put back: its wrapped key opens nothing.
    with sqlite3.connect(home.vault) as raw:
        raw.execute("DELETE FROM record_key")
        raw.executemany("INSERT INTO record_key VALUES (?, ?, ?, ?)", old)
    again = open_vault(home)
    with pytest.raises(ErasedError):
        again.unseal(keys[1], sealed, "a")
    assert again.unseal(keys[0], again.seal(keys[0], "x", "a"), "a") == "x"
    # The tree is lost: the escrow has it, as it is now.
    home.tree.unlink()
    last = open_vault(home)
    assert [one.note for one in last.erased()] == [{"ref": "S-1"}]
    with pytest.raises(ErasedError):
        last.unseal(keys[1], sealed, "a")
    home.tree.unlink()
    home.escrow.unlink()
    with pytest.raises(DeskMissingError, match="tree of keys"):
        open_vault(home)


@pytest.mark.parametrize("where", ["_copy_cuts", "_forget", "cut_out"])
def test_interrupted_it_is_finished_at_the_next_start(
    home: DeskHome, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = open_vault(home)
    gone, stays = vault.new_key(), vault.new_key()
    sealed = {key: vault.seal(key, "made up", "a") for key in (gone, stays)}

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(KeyTree if where == "cut_out" else Vault, where, die)
        vault.destroy({gone: {}})
    after = open_vault(home)
    assert after.unseal(stays, sealed[stays], "a") == "made up"
    if where == "cut_out":  # nothing had happened yet
        after.destroy({gone: {}})
    for one in (after, open_vault(home)):
        with pytest.raises(ErasedError):
            one.unseal(gone, sealed[gone], "a")
        assert not one.escrow_is_behind
    home.tree.unlink()
    with pytest.raises(ErasedError):
        open_vault(home).unseal(gone, sealed[gone], "a")


def test_an_escrow_out_of_reach_is_said_and_made_up_for(home: DeskHome) -> None:
    vault = open_vault(home)
    key = vault.new_key()
    away = home.escrow.rename(home.escrow.with_name("away"))
    home.escrow.mkdir()  # nothing can be written there
    vault.destroy({key: {}})
    assert vault.escrow_is_behind
    home.escrow.rmdir()
    away.rename(home.escrow)
    assert not open_vault(home).escrow_is_behind
    with pytest.raises(ErasedError):
        KeyTree(home.escrow, home.key("root")).leaf(0)


def test_an_escrow_of_another_desk_is_refused(home: DeskHome, tmp_path: Path) -> None:
    open_vault(home)
    other = DeskHome(tmp_path / "other").make(keys={"root": home.key("root")})
    open_vault(other)
    home.escrow.write_bytes(other.escrow.read_bytes())
    with pytest.raises(SealError, match="another desk"):
        open_vault(home)


def test_keys_from_before_there_was_a_tree_are_taken_in(home: DeskHome) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    wrapped = bytes(12) + AESGCM(home.key("root")).encrypt(bytes(12), ROOT, b"ab")
    with sqlite3.connect(home.vault) as raw:
        raw.execute(
            "CREATE TABLE record_key (id TEXT PRIMARY KEY, wrapped BLOB, destroyed_at TEXT)"
        )
        raw.execute("INSERT INTO record_key (id, wrapped) VALUES ('ab', ?)", (wrapped,))
    vault = open_vault(home)
    assert vault.seal("ab", "x", "a")
    vault.destroy({"ab": {}})
    with pytest.raises(ErasedError):
        vault.seal("ab", "x", "a")
    files = b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
    assert wrapped not in files
