"""Transactions as JSON lines, and what is answered of them."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clewline.engine.heuristics.coinjoin import RULES
from clewline.errors import DataError
from clewline.workspace import classifying
from clewline.workspace.classifying import classify_file, classify_lines

POOL = 1_000_000


def coins(values: list[int], name: int) -> list[dict[str, Any]]:
    return [{"value": value, "script": f"0014{name:02x}{k:038x}"} for k, value in enumerate(values)]


def made(inputs: list[Any], outputs: list[Any], txid: str = "ab" * 32) -> dict[str, Any]:
    return {"txid": txid, "inputs": inputs, "outputs": outputs, "labels": ["let be"]}


WHIRLPOOL = made(coins([POOL + 3_000] + [POOL] * 4, 1), coins([POOL] * 5, 2))
PAYMENT = made(coins([70_000], 1), coins([60_000, 9_000], 2), "cd" * 32)


def classified(*transactions: Any) -> list[dict[str, Any]]:
    text = "".join(json.dumps(tx) + "\n" for tx in transactions)
    return list(classify_lines(io.BytesIO(text.encode()), "made up"))


def test_a_mix_and_a_payment() -> None:
    mix, payment = classified(WHIRLPOOL, PAYMENT)
    assert list(mix) == ["txid", "family", "rule", "reason"]
    assert (mix["txid"], mix["family"], mix["rule"]) == ("ab" * 32, "whirlpool", "Whirlpool mix")
    assert mix["reason"].startswith("Whirlpool mix: 5 inputs of 5 scripts, 5 outputs, ")
    assert payment == {
        "txid": "cd" * 32,
        "family": None,
        "rule": None,
        "reason": "no CoinJoin shape: 1 input of 1 script, 2 outputs "
        "(docs/ACCURACY.md#look-alikes)",
    }


def test_scripts_are_one_whatever_the_case_of_their_hex() -> None:
    inputs = coins([POOL + 3_000] + [POOL] * 4, 0xAB)
    inputs[1]["script"] = inputs[0]["script"].upper()
    (answer,) = classified({**WHIRLPOOL, "inputs": inputs})
    assert answer["family"] != "whirlpool"
    assert "5 inputs of 4 scripts" in answer["reason"]


def test_kinds_are_told_from_scripts() -> None:
    """An OP_RETURN makes the difference between a Tx0 and an ordinary payment."""
    outputs = [*coins([50_000, 2_000_000, 1_007_562, 1_007_562], 2), {"value": 0, "script": "6a01"}]
    inputs = coins([5_000_000], 1)
    assert classified(made(inputs, outputs))[0]["family"] is None, "a push cut off is no data"
    outputs[-1]["script"] = "6a0101"
    assert classified(made(inputs, outputs))[0]["family"] == "whirlpool_tx0"
    outputs[-1]["script"] = ""
    assert classified(made(inputs, outputs))[0]["family"] is None


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ([], "no inputs; a coinbase has none"),
        ([{"coinbase": "0403"}], "inputs[0] is a coinbase, which spends nothing"),
        ([*coins([9], 1), {"value": None, "script": "51"}], "inputs[1] has no value"),
        ([{"script": "51"}], "inputs[0] has no value"),
        ([{"value": 9, "script": None}], "inputs[0] has no script"),
    ],
)
def test_what_is_unknown_is_not_called_none(inputs: list[Any], why: str) -> None:
    (answer,) = classified({**WHIRLPOOL, "inputs": inputs})
    assert (answer["family"], answer["rule"]) == (None, None)
    assert answer["reason"] == f"not checked: {why}"


def test_compression_is_told_by_the_first_bytes(tmp_path: Path) -> None:
    text = f"{json.dumps(WHIRLPOOL)}\n\r\n \n{json.dumps(PAYMENT)}".encode()
    expected = classified(WHIRLPOOL, PAYMENT)
    for data in (text, lzma.compress(text), gzip.compress(text)):
        path = tmp_path / "given"
        path.write_bytes(data)
        assert list(classify_file(path)) == expected
        assert list(classify_lines(io.BytesIO(data), "made up")) == expected
    path.write_bytes(b"")
    assert list(classify_file(path)) == []


def test_lines_come_one_by_one() -> None:
    """A wrong line is told after the answers before it, with its number among all lines."""
    text = f"{json.dumps(PAYMENT)}\n\n[[\n{json.dumps(WHIRLPOOL)}\n".encode()
    answers = classify_lines(io.BytesIO(text), "made up")
    assert next(answers)["txid"] == PAYMENT["txid"]
    with pytest.raises(DataError, match="made up:3: not a line of JSON"):
        next(answers)
    told: list[Exception] = []
    kept = list(classify_lines(io.BytesIO(text), "made up", told.append))
    assert [answer["family"] for answer in kept] == [None, "whirlpool"]
    assert [str(error) for error in told] == ["made up:3: not a line of JSON"]


def test_hostile_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifying, "LONGEST_LINE", 100_000)
    huge = {"value": 10**30, "script": "51"}
    lines = [
        b"[" * 99_000,
        b'{"txid": ' + b"9" * 50_000 + b"}",
        b"\xff\xfe",
        b"{" * 300_000,
        json.dumps({**PAYMENT, "inputs": [huge]}).encode(),
        json.dumps({**PAYMENT, "inputs": coins([21 * 10**14] * 9, 1)}).encode(),
        json.dumps({**PAYMENT, "txid": "\ud800" * 64}).encode(),
    ]
    told: list[Exception] = []
    text = b"\n".join([*lines, json.dumps(PAYMENT).encode()])
    answers = list(classify_lines(io.BytesIO(text), "made up", told.append))
    assert [answer["txid"] for answer in answers] == [PAYMENT["txid"]]
    numbers = [str(error).split(":")[1] for error in told]
    assert numbers == [str(k + 1) for k in range(len(lines))]
    assert "longer than 100000 bytes" in str(told[3])


def test_labelled_transactions(fixtures_dir: Path) -> None:
    """The command's answers on researchers' labels: as good as the rules themselves."""
    path = fixtures_dir / "coinjoin" / "labelled.jsonl.xz"
    with lzma.open(path, "rt") as lines:
        labels = {tx["txid"]: {name for name, _ in tx["labels"]} for tx in map(json.loads, lines)}
    found: dict[str, Counter[str | None]] = {
        "whirlpool_mix": Counter(),
        "wasabi1_coinjoin": Counter(),
    }
    begin = time.process_time()
    answers = list(classify_file(path))
    assert time.process_time() - begin < 30
    assert [answer["txid"] for answer in answers] == list(labels)
    titles = {rule.family.family: rule.title for rule in RULES}
    for answer in answers:
        assert answer["rule"] == titles.get(answer["family"])
        for name in labels[answer["txid"]] & found.keys():
            found[name][answer["family"]] += 1
    assert found["whirlpool_mix"]["whirlpool"] >= 0.99 * found["whirlpool_mix"].total() > 0
    assert found["wasabi1_coinjoin"]["wasabi1"] >= 0.98 * found["wasabi1_coinjoin"].total() > 0
