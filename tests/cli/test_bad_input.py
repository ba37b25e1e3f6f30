"""Bad input: a clear error on standard error, nothing on standard output, nothing changed."""

from __future__ import annotations

import fcntl
import json
import lzma
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import Ran, answer, clewline, files, program
from tests.cli.conftest import MadeUp
from tests.cli.records import Records

from clewline.errors import UsageError
from clewline.workspace import Workspace

MAIN_ADDRESS = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
MAIN_MAGIC = bytes.fromhex("f9beb4d9")
NOBODY = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
"""An address that no output pays to."""
UNKNOWN = "0" * 64


def assert_refused(ran: Ran, code: int, *words: str) -> None:
    """One error, on standard error alone, that says all of `words`."""
    assert (ran.code, ran.out) == (code, ""), ran.err
    said = ran.err
    for word in words:
        assert word in said, said
    assert "Traceback" not in said


@pytest.fixture(autouse=True)
def unchanged(case: MadeUp) -> Iterator[None]:
    """Hold the shared store still, whatever a test asks of it."""
    before = files(case.store)
    yield
    assert files(case.store) == before


def import_into(store: Path, blocks: Path, *more: str) -> Ran:
    return clewline("chain", "import", "--store", store, "--core-blocks", blocks, *more)


def assert_import_refused(
    case: MadeUp, tmp_path: Path, blocks: Path, code: int, *words: str, more: tuple[str, ...] = ()
) -> None:
    """An import of bad blocks makes no store, and leaves one that is there as it was."""
    new, old = tmp_path / "new", tmp_path / "old"
    assert_refused(import_into(new, blocks, *more), code, *words)
    assert not new.exists()
    shutil.copytree(case.store, old, dirs_exist_ok=True)
    assert_refused(import_into(old, blocks, *more), code, *words)
    assert files(old) == files(case.store)


# Blocks directories


def test_wrong_key(case: MadeUp, records: Records, tmp_path: Path) -> None:
    blocks = records.write(tmp_path / "blocks")
    (blocks / "xor.dat").write_bytes(bytes(8))
    assert_import_refused(
        case,
        tmp_path,
        blocks,
        1,
        f"{blocks}/blk00000.dat, byte 0: no record starts here",
        "xor.dat",
    )


def test_missing_key(case: MadeUp, records: Records, tmp_path: Path) -> None:
    blocks = records.write(tmp_path / "blocks")
    (blocks / "xor.dat").unlink()
    assert_import_refused(case, tmp_path, blocks, 1, "xor.dat is missing", "byte 0")


def test_key_of_wrong_length(case: MadeUp, records: Records, tmp_path: Path) -> None:
    blocks = records.write(tmp_path / "blocks")
    (blocks / "xor.dat").write_bytes(bytes(7))
    assert_import_refused(case, tmp_path, blocks, 1, f"{blocks}/xor.dat: is 7 bytes long")


def test_record_of_another_network(case: MadeUp, records: Records, tmp_path: Path) -> None:
    plain = list(records.blocks)
    plain[40] = MAIN_MAGIC + plain[40][4:]
    blocks = Records(records.key, tuple(plain)).write(tmp_path / "blocks")
    place = f"{blocks}/blk00000.dat, byte {records.at(40) - 8}"
    assert_import_refused(case, tmp_path, blocks, 1, place, "a record of network main")


def test_directory_of_another_network(
    case: MadeUp, store: Path, records: Records, tmp_path: Path
) -> None:
    plain = tuple(MAIN_MAGIC + record[4:] for record in records.blocks)
    blocks = Records(records.key, plain).write(tmp_path / "blocks")
    before = files(store)
    assert_refused(
        import_into(store, blocks), 2, str(store), "holds network regtest", "blocks are of main"
    )
    assert files(store) == before
    assert_refused(import_into(tmp_path / "new", blocks), 1, "genesis block of network main")
    assert not (tmp_path / "new").exists()


def test_another_network_than_told(case: MadeUp, tmp_path: Path) -> None:
    place = f"{case.blocks}/blk00000.dat, byte 0"
    more = ("--network", "main")
    assert_import_refused(
        case, tmp_path, case.blocks, 1, place, "a record of network regtest", more=more
    )
    more = ("--network", "mainnet")
    assert_import_refused(case, tmp_path, case.blocks, 2, "mainnet", "main, test", more=more)


def test_no_blocks(case: MadeUp, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert_import_refused(case, tmp_path, tmp_path / "empty", 1, f"{tmp_path}/empty: holds no ")
    assert_import_refused(
        case, tmp_path, tmp_path / "none", 1, f"{tmp_path}/none: is not a directory"
    )
    inside = case.blocks / "blk00000.dat"
    assert_import_refused(case, tmp_path, inside, 1, str(inside), "ot a directory")


def test_data_directory_instead_of_its_blocks(case: MadeUp, tmp_path: Path) -> None:
    where = case.blocks.parent
    assert_import_refused(case, tmp_path, where, 1, f"{where}: holds no", f"mean {case.blocks}?")


def test_gap(case: MadeUp, records: Records, tmp_path: Path) -> None:
    gap = Records(records.key, records.blocks[:50] + records.blocks[51:])
    blocks = gap.write(tmp_path / "blocks")
    place = f"{blocks}/blk00000.dat, byte {gap.at(50)}"
    new = tmp_path / "new"
    assert_refused(import_into(new, blocks), 1, place, "a gap in the chain", "is missing")
    assert not new.exists()


def test_flipped_byte(case: MadeUp, records: Records, tmp_path: Path) -> None:
    plain = list(records.blocks)
    broken = bytearray(plain[110])
    broken[-20] ^= 1
    plain[110] = bytes(broken)
    blocks = Records(records.key, tuple(plain)).write(tmp_path / "blocks")
    new = tmp_path / "new"
    assert_refused(import_into(new, blocks), 1, f"{blocks}/blk00000.dat, byte ", "bad-block-file")
    assert not new.exists()


def test_dirty_tail(case: MadeUp, records: Records, tmp_path: Path) -> None:
    blocks = records.write(tmp_path / "blocks", bytes(500) + b"\1")
    at = (blocks / "blk00000.dat").stat().st_size - 1
    assert_import_refused(
        case, tmp_path, blocks, 1, f"{blocks}/blk00000.dat, byte {at}", "not zero"
    )


def test_cut_file_is_told_and_imported(case: MadeUp, records: Records, tmp_path: Path) -> None:
    blocks = records.write(tmp_path / "blocks")
    whole = (blocks / "blk00000.dat").read_bytes()
    (blocks / "blk00000.dat").write_bytes(whole[:-1])
    ran = import_into(tmp_path / "new", blocks)
    assert (ran.code, ran.out) == (0, "")
    last = len(records.blocks) - 1
    assert f"{blocks}/blk00000.dat, byte {records.at(last) - 8}: the file ends inside" in ran.err
    info = json.loads(answer("chain", "info", "--store", tmp_path / "new", "--format", "json"))
    assert info["height"] == case.truth["height"] - 1


# Stores


def test_no_store(case: MadeUp, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for command in (
        ("chain", "info"),
        ("chain", "check"),
        ("chain", "export", "--table", "transactions"),
        ("tx", "show", "00" * 32),
        ("address", "show", NOBODY),
        ("cluster", "show", NOBODY),
        ("cluster", "explain", NOBODY, NOBODY),
        ("cluster", "largest"),
        ("label", "import", case.labels),
        ("label", "list", NOBODY),
        ("trace", "forward", NOBODY),
        ("trace", "backward", NOBODY),
        ("trace", "path", NOBODY, NOBODY),
        ("trace", "common", NOBODY, NOBODY),
        ("trace", "peel", f"{UNKNOWN}:0"),
        ("report", NOBODY, "--out", tmp_path / "packs"),
    ):
        ran = clewline(*command, "--store", nowhere)
        assert_refused(ran, 1, f"{nowhere}: there is no chain store", "chain import", "no-store")
    assert list(tmp_path.iterdir()) == []


def test_directory_that_is_no_store(case: MadeUp, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    assert_refused(import_into(tmp_path, case.blocks), 2, str(tmp_path), "'letter.txt'")
    assert files(tmp_path) == {"letter.txt": b"keep me"}


def test_store_of_a_newer_version(case: MadeUp, store: Path) -> None:
    manifest = json.loads((store / "manifest.json").read_text())
    manifest["version"] += 1
    (store / "manifest.json").write_text(json.dumps(manifest))
    before = files(store)
    for command in (("chain", "info"), ("label", "import", case.labels), ("chain", "check")):
        ran = clewline(*command, "--store", store)
        assert_refused(ran, 1, f"{store}/manifest.json: format version", "store-version")
    assert_refused(import_into(store, case.blocks), 1, f"{store}/manifest.json: format version")
    assert files(store) == before


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"format": "other"}'])
def test_damaged_manifest(case: MadeUp, store: Path, content: bytes) -> None:
    (store / "manifest.json").write_bytes(content)
    before = files(store)
    ran = clewline("chain", "info", "--store", store)
    assert_refused(ran, 1, f"{store}/manifest.json: ", "store-damaged")
    assert_refused(import_into(store, case.blocks), 1, f"{store}/manifest.json: ")
    assert files(store) == before


def test_short_column(store: Path) -> None:
    column = next(store.glob("columns.*")) / "output.value"
    column.write_bytes(column.read_bytes()[:-1])
    for command in (("chain", "info"), ("tx", "show", "00" * 32)):
        assert_refused(clewline(*command, "--store", store), 1, f"{column}: is ", "store-damaged")
    ran = clewline("chain", "check", "--store", store)
    assert (ran.code, ran.out) == (1, "")
    assert str(column) in ran.err


def test_check_names_the_file_and_the_place(store: Path) -> None:
    column = next(store.glob("columns.*")) / "output.value"
    data = bytearray(column.read_bytes())
    data[100] ^= 1
    column.write_bytes(data)
    ran = clewline("chain", "check", "--store", store)
    assert (ran.code, ran.out) == (1, "")
    assert "wrong: " in ran.err
    assert str(column) in ran.err


def test_second_writer(case: MadeUp, store: Path) -> None:
    before = files(store)
    with (store / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = import_into(store, case.blocks)
        assert_refused(ran, 1, str(store), "another process writes", "store-locked")
        answer("chain", "info", "--store", store)
    assert files(store) == before
    assert import_into(store, case.blocks).code == 0


def test_full_disk(case: MadeUp, tmp_path: Path) -> None:
    """A process that may write no file beyond 20 kB gets the refusal that a full disk gives."""
    new = tmp_path / "new"
    command = ("chain", "import", "--store", new, "--core-blocks", case.blocks)
    ran = program(*command, most_bytes=10_000)
    assert_refused(ran, 1, f"{new}/", "cannot be written", "storage")
    assert not new.exists()


# Addresses, transactions, outpoints


def one_character_off(address: str) -> str:
    return address[:-1] + ("q" if address[-1] != "q" else "p")


@pytest.fixture(scope="session")
def address(case: MadeUp) -> str:
    return str(case.truth["purchases"][0]["address"])


ADDRESS_COMMANDS = [
    ("address", "show"),
    ("cluster", "show"),
    ("label", "list"),
    ("trace", "forward"),
    ("trace", "backward"),
]


@pytest.mark.parametrize("command", ADDRESS_COMMANDS)
def test_bad_addresses(case: MadeUp, address: str, command: tuple[str, ...]) -> None:
    wrong = one_character_off(address)
    for given, words in (
        (wrong, ("checksum", f"did you mean {address}?")),
        (MAIN_ADDRESS, ("belongs to main",)),
        ("nonsense", ("not a Bitcoin address",)),
        ("", ("not a",)),
        ("bcrt1" + "q" * 5000, ("not a",)),
        ("\x1b[31m", ("not a",)),
        ("[red]", ("[red]", "not a")),
    ):
        ran = clewline(*command, given, "--store", case.store)
        assert_refused(ran, 2, *words, "bad-address")
        assert "\x1b" not in ran.err
        assert len(ran.err) < 1000


@pytest.mark.parametrize("command", ["path", "common"])
def test_bad_addresses_of_two(case: MadeUp, address: str, command: str) -> None:
    for given, words in (
        (one_character_off(address), ("checksum", f"did you mean {address}?", "bad-address")),
        (NOBODY, (NOBODY, "no output up to block", "unknown-address")),
    ):
        for both in ((address, given), (given, address)):
            assert_refused(clewline("trace", command, *both, "--store", case.store), 2, *words)


def test_bad_address_of_a_report(case: MadeUp, address: str, tmp_path: Path) -> None:
    out = tmp_path / "packs"
    for given, word in ((one_character_off(address), "did you mean"), (NOBODY, "no output")):
        ran = clewline("report", address, given, "--store", case.store, "--out", out)
        assert_refused(ran, 2, given, word)
    assert not out.exists()


@pytest.mark.parametrize("command", [c for c in ADDRESS_COMMANDS if c[0] in ("cluster", "trace")])
def test_address_that_nothing_paid_to(case: MadeUp, command: tuple[str, ...]) -> None:
    ran = clewline(*command, NOBODY, "--store", case.store)
    assert_refused(ran, 2, NOBODY, "no output up to block 134", "unknown-address")


def test_address_that_nothing_paid_to_has_zeros(case: MadeUp) -> None:
    shown = json.loads(answer("address", "show", NOBODY, "--store", case.store, "--format", "json"))
    assert (shown["address"], shown["received"], shown["first_seen"]) == (NOBODY, 0, None)
    assert shown["tip"] == case.truth["tip"]


def test_bad_transactions(case: MadeUp) -> None:
    txid = case.truth["purchases"][0]["txid"]
    for given, code in (
        ("xyz", "[usage]"),
        (txid[:-1], "[usage]"),
        (txid + "0", "[usage]"),
        (f"{txid}:0", "[usage]"),
        (UNKNOWN, "[unknown-transaction]"),
    ):
        assert_refused(clewline("tx", "show", given, "--store", case.store), 2, given, code)
        # The good one before it is not shown either: an answer is whole or it is none.
        assert_refused(clewline("tx", "show", txid, given, "--store", case.store), 2, given, code)
        ran = clewline("tx", "show", "-", "--store", case.store, stdin=f"{txid}\n{given}\n")
        assert_refused(ran, 2, given, code)


def test_bad_seeds(case: MadeUp) -> None:
    txid = case.truth["purchases"][0]["txid"]
    for given, words in (
        (f"{txid}:99", (f"{txid}:99: ", "outputs, numbered from 0", "unknown-transaction")),
        (f"{UNKNOWN}:0", (UNKNOWN, "no such transaction", "unknown-transaction")),
        (txid, (txid, "TXID:VOUT", "usage")),
        (
            f"{txid}:",
            (
                f"{txid}:: ",
                "bad-address",
            ),
        ),
        (
            f"{txid}:-1",
            (
                f"{txid}:-1: ",
                "bad-address",
            ),
        ),
        (
            f"{txid}:1.5",
            (
                f"{txid}:1.5: ",
                "bad-address",
            ),
        ),
    ):
        ran = clewline("trace", "backward", given, "--store", case.store)
        assert_refused(ran, 2, *words)


# Options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "2024-02-01", "--until", "2024-01-01"), ("time range is empty",)),
        (("--since", "yesterday"), ("--since", "yesterday")),
        (("--until", "2024-13-01"), ("--until", "2024-13-01")),
        (("--max-hops", "-1"), ("--max-hops",)),
        (("--max-hops", "many"), ("--max-hops", "integer")),
        (("--min-value", "-1"), ("--min-value",)),
        (("--min-value", "0.5"), ("--min-value", "integer")),
        (("--max-transactions", "-1"), ("--max-transactions",)),
        (("--max-nodes", "-1"), ("--max-nodes",)),
        (("--method", "last"), ("--method", "last", "fifo", "lifo", "haircut", "poison")),
        (("--format", "xml"), ("--format", "xml", "table", "csv", "json", "jsonl")),
        (("--set", "nope"), ("no label set 'nope'", "there are: public", "unknown-label-set")),
        (("--set", "../public"), ("'../public' is no name",)),
        (("--no-such-option",), ("--no-such-option",)),
    ],
)
def test_bad_options_of_a_trace(
    case: MadeUp, address: str, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(
        clewline("trace", "forward", address, *options, "--store", case.store), 2, *words
    )


def test_options_that_are_missing(case: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEWLINE_STORE", raising=False)
    assert_refused(clewline("chain", "info"), 2, "--store", "CLEWLINE_STORE")
    assert_refused(clewline("tx", "show", "--store", case.store), 2, "TXID")
    assert_refused(clewline("chain", "export", "--store", case.store), 2, "--table")
    assert_refused(clewline("chain", "import", "--store", case.store), 2, "--core-blocks")
    assert_refused(clewline("no-such-command"), 2, "no-such-command")
    assert_refused(clewline("chain", "no-such-command"), 2, "no-such-command")
    for count in ("0", "-3"):
        ran = clewline("cluster", "largest", "--count", count, "--store", case.store)
        assert_refused(ran, 2, "--count")


# Label files

HEADER = "address,entity,category,source,confidence\n"


def test_bad_label_files(case: MadeUp, store: Path, address: str, tmp_path: Path) -> None:
    before = files(store)
    for name, text, words in (
        ("unknown.csv", f"{HEADER}{address},E,bank-of-nowhere,s,90\n", (":2: ", "bank-of-nowhere")),
        (
            "address.csv",
            f"{HEADER}{one_character_off(address)},E,exchange,s,90\n",
            ("did you mean",),
        ),
        ("network.csv", f"{HEADER}{MAIN_ADDRESS},E,exchange,s,90\n", (":2: ", "belongs to main")),
        ("header.csv", "address,entity\n", (":1: ", "missing column")),
        ("text.csv", "\n", (":1: ", "missing column")),
        ("broken.yaml", "title: [\n", ("broken.yaml:",)),
    ):
        path = tmp_path / name
        path.write_text(text)
        ran = clewline("label", "import", path, "--set", "new", "--store", store)
        assert_refused(ran, 1, str(path), *words, "bad-label-file")
    (tmp_path / "rows.csv").write_text(f"{HEADER}{address},E,a,s,90\n{address},E,b,s,90\n")
    ran = clewline("label", "import", tmp_path / "rows.csv", "--set", "new", "--store", store)
    assert_refused(ran, 1, "rows.csv:2: ", "rows.csv:3: ", "no row of the table was taken")
    assert files(store) == before


def test_bad_label_paths(store: Path, case: MadeUp, tmp_path: Path) -> None:
    before = files(store)
    (tmp_path / "labels.txt").write_text("")
    for path, word in (
        (tmp_path / "none.csv", "no such file"),
        (tmp_path / "labels.txt", ".csv"),
    ):
        ran = clewline("label", "import", case.labels, path, "--set", "new", "--store", store)
        assert_refused(ran, 2, str(path), word)
    ran = clewline("label", "import", case.labels, "--set", "No Name", "--store", store)
    assert_refused(ran, 2, "--set", "'No Name' is no name")
    assert files(store) == before


def test_good_label_file_beside_a_bad_one(store: Path, address: str, tmp_path: Path) -> None:
    """The good file loads and is told on standard output; the exit code still says failed."""
    (tmp_path / "a.csv").write_text(f"{HEADER}{address},E,exchange,s,90\n")
    (tmp_path / "b.csv").write_text(f"{HEADER}{address},E,nothing-known,s,90\n")
    ran = clewline("label", "import", tmp_path, "--set", "x", "--store", store, "--format", "json")
    assert ran.code == 1
    assert f"{tmp_path}/b.csv:2" in ran.err
    report = json.loads(ran.out)
    assert (report["files"], report["loaded"]) == (2, 1)


# Transactions to classify


def test_transactions_that_cannot_be_classified(tmp_path: Path) -> None:
    coin = {"value": 9, "script": "51"}
    good = {"txid": UNKNOWN, "inputs": [coin], "outputs": [coin]}
    wrong = {
        "not a line of JSON": "{",
        "not an object": "[]",
        "64 hexadecimal digits": json.dumps({**good, "txid": "7"}),
        "inputs is no list": json.dumps({**good, "inputs": None}),
        "no outputs": json.dumps({**good, "outputs": []}),
        "inputs[0] is no object": json.dumps({**good, "inputs": [7]}),
        "inputs[0]: value": json.dumps({**good, "inputs": [{**coin, "value": 0.5}]}),
        "outputs[0]: value": json.dumps({**good, "outputs": [{**coin, "value": None}]}),
        "outputs[0]: script is not": json.dumps({**good, "outputs": [{**coin, "script": "5g"}]}),
        "outputs[0]: script is no": json.dumps({**good, "outputs": [{"value": 9}]}),
        "cannot be one transaction's": json.dumps({**good, "outputs": [coin, coin]}),
    }
    path = tmp_path / "given.jsonl"
    for words, line in wrong.items():
        path.write_text(f"\n{json.dumps(good)}\n{line}\n{json.dumps(good)}\n")
        ran = clewline("tx", "classify", path)
        assert ran.code == 1
        assert [json.loads(row)["txid"] for row in ran.out.splitlines()] == [UNKNOWN]
        assert f"{path}:3: " in ran.err
        assert words in ran.err
        assert "bad-data" in ran.err
        kept = clewline("tx", "classify", path, "--keep-going")
        assert kept.code == 1
        assert len(kept.out.splitlines()) == 2
        assert ran.err.strip() in kept.err
        assert "lines skipped: 1" in kept.err


def test_bad_files_to_classify(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        assert_refused(clewline("tx", "classify", path), 2, str(path), "cannot be read")
    cut = tmp_path / "cut.xz"
    whole = lzma.compress(b" " * 9_000_000 + b"{}\n")
    for broken in (whole[: len(whole) // 2], whole[:50] + b"\xff" + whole[51:], whole[:8]):
        cut.write_bytes(broken)
        ran = clewline("tx", "classify", cut, "--keep-going")
        assert_refused(ran, 1, f"{cut}:1: ", "compressed data is broken", "bad-data")


def test_bad_batches_of_addresses(store: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        ran = clewline("address", "batch", path, "--store", store)
        assert_refused(ran, 2, str(path), "cannot be read")
    path = tmp_path / "list.txt"
    path.write_bytes(b"abc\n" + b"x" * 5000 + b"\n")
    ran = clewline("address", "batch", path, "--store", store)
    assert_refused(ran, 2, f"{path}, line 2", "longer than 1000 characters")
    path.write_bytes(b"\xff\xfe\n\n")
    rows = clewline("address", "batch", path, "--store", store).out.splitlines()
    assert len(rows) == 2
    assert all("not an address of this network" in row for row in rows)


# Packs and made-up cases


def test_report_by_poison(case: MadeUp, address: str, tmp_path: Path) -> None:
    """Sums of poison count satoshi more than once: nothing to write to an exchange about."""
    out = tmp_path / "packs"
    ran = clewline("report", address, "--store", case.store, "--out", out, "--method", "poison")
    assert_refused(ran, 2, "--method", "poison", "fifo", "lifo", "haircut")
    with pytest.raises(UsageError, match="not for 'poison'"):
        Workspace.open(case.store).report([address], out, "poison")
    assert not out.exists()


def test_report_into_a_directory_that_is_not_empty(
    case: MadeUp, address: str, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    ran = clewline("report", address, "--store", case.store, "--out", tmp_path)
    assert_refused(ran, 2, str(tmp_path))
    assert files(tmp_path) == {"letter.txt": b"keep me"}


def test_play_into_a_directory_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    make = ("play", "make", "--transactions", "300", "--out")
    assert_refused(clewline(*make, tmp_path), 2, str(tmp_path))
    assert files(tmp_path) == {"letter.txt": b"keep me"}
    ran = clewline("play", "make", "--transactions", "0", "--out", tmp_path / "case")
    assert_refused(ran, 2, "--transactions")
    assert not (tmp_path / "case").exists()


# Change and evaluation


def test_change_of_what_is_not_there(case: MadeUp) -> None:
    assert_refused(clewline("tx", "change", UNKNOWN, "--store", case.store), 2, "unknown-tr")
    assert_refused(clewline("tx", "change", "x", "--store", case.store), 2, "x")
    ran = clewline("cluster", "show", NOBODY, "--with-change", "--store", case.store)
    assert_refused(ran, 2, "unknown-address")


def test_evaluation_of_no_fixtures(tmp_path: Path) -> None:
    ran = clewline("evaluate", "--fixtures", tmp_path / "none")
    assert_refused(ran, 2, "is no directory")
    ran = clewline("evaluate", "--fit", "--fixtures", tmp_path)
    assert_refused(ran, 2, "lacks", "labelled.jsonl.xz", "core-regtest.tar.xz")


def test_a_file_that_has_no_place_is_named(tmp_path: Path) -> None:
    ledger = tmp_path / "missing" / "ledger"
    told = ("--alert", "A-1", "--customer", "C-1", "--by", "R-1", "--reason", "made up")
    ran = clewline("filing", "outcome", ledger, "no_action", *told)
    assert ran.code == 1
    # A terminal wraps what is long.
    assert "cannot be read or written: No such file" in " ".join(ran.err.split())
