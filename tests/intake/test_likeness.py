"""Sketches of wordings. All texts are made up."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clewline.errors import DataError, UsageError
from clewline.intake.likeness import (
    FEWEST,
    ORDERS,
    Likeness,
    Sketch,
    TooShort,
    _shingles,
    bands,
    found_with,
    similarity,
    sketch,
)

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))


def words(seed: int, n: int) -> list[str]:
    chance = random.Random(seed)  # noqa: S311 - made-up text
    return ["".join(chance.choices("abcdefghij", k=chance.randint(3, 9))) for _ in range(n)]


def made(text: str, key: bytes = KEY) -> Sketch:
    one = sketch(text, key)
    assert isinstance(one, Sketch)
    return one


def alike(one: str, other: str) -> float:
    return similarity(made(one), made(other)).share


TEXT = " ".join(words(1, 300))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(40, 800), st.floats(0, 1))
def test_estimate_is_within_four_standard_errors(seed: int, n: int, kept: float) -> None:
    one = words(seed, n)
    other = one[: int(n * kept)] + words(seed + 1, n - int(n * kept))
    a, b = (set(_shingles(" ".join(text), KEY).tolist()) for text in (one, other))
    true = len(a & b) / len(a | b)
    estimate = similarity(made(" ".join(one)), made(" ".join(other)))
    error = max(estimate.error, (true * (1 - true) / ORDERS) ** 0.5)
    assert abs(estimate.share - true) <= 4 * error + 1e-9


def test_estimates_have_no_bias() -> None:
    misses = []
    for seed in range(60):
        one = words(seed, 200)
        other = one[:150] + words(seed + 1000, 50)
        a, b = (set(_shingles(" ".join(text), KEY).tolist()) for text in (one, other))
        estimate = alike(" ".join(one), " ".join(other))
        misses.append(estimate - len(a & b) / len(a | b))
    # The mean of 60 has a standard error of 0.0057.
    assert abs(np.mean(misses)) < 0.023
    assert 0.025 < np.std(misses) < 0.065


@pytest.mark.parametrize(
    "other",
    [
        TEXT.upper(),
        TEXT.replace(" ", " \n\t "),
        TEXT.replace(" ", ", "),
        "".join(f"{letter}\u200b" for letter in TEXT),
        TEXT.replace("a", "\uff41"),
        f"{TEXT} {TEXT}".replace("  ", " ")[: len(TEXT)],
    ],
)
def test_writing_does_not_matter(other: str) -> None:
    assert made(other) == made(TEXT)


def test_composed_and_decomposed_letters_are_one() -> None:
    composed = TEXT.replace("a", "\u00e9")
    assert made(composed) == made(composed.replace("\u00e9", "e\u0301"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("20 EUR", "35.50 EUR"),
        ("1,000", "1 000"),
        ("2024-01-02", "2025-11-30"),
        ("a" * 30, "b" * 56),
    ],
)
def test_addresses_prices_and_dates_do_not_matter(one: str, other: str) -> None:
    text = " ".join([*words(2, 60), "{}", *words(3, 60)])
    assert made(text.format(one)) == made(text.format(other))


def test_order_of_paragraphs_matters_little() -> None:
    paragraphs = [" ".join(words(seed, 40)) for seed in range(12)]
    assert alike("\n".join(paragraphs), "\n".join(reversed(paragraphs))) > 0.7


def test_another_key_gives_an_unrelated_sketch() -> None:
    assert similarity(made(TEXT), made(TEXT, OTHER_KEY)).share < 0.03
    assert not set(bands(made(TEXT))) & set(bands(made(TEXT, OTHER_KEY)))


def test_scripts_without_spaces() -> None:
    chance = random.Random(7)  # noqa: S311 - made-up text
    text = "".join(chr(chance.randint(0x4E00, 0x4FFF)) for _ in range(400))
    near = text[:200] + "\u5b57" + text[200:]
    assert alike(text, near) > 0.9
    assert alike(text, text[::-1]) < 0.05
    assert made(text) == made("\n".join(text[at : at + 30] for at in range(0, 400, 30)))


def test_too_short_texts_have_no_sketch_and_a_reason() -> None:
    for text in ("", "a", "a b c d", " ".join(words(1, FEWEST + 2)), "the same four words " * 999):
        one = sketch(text, KEY)
        assert isinstance(one, TooShort)
        assert str(one.shingles) in one.reason
    assert isinstance(sketch(" ".join(words(1, FEWEST + 3)), KEY), Sketch)


@given(st.text(max_size=400))
def test_any_text(text: str) -> None:
    assert sketch(text, KEY) == sketch(text, KEY)


def test_lone_surrogates_are_text() -> None:
    made(TEXT + " \ud800 \udfff")


def test_round_trip() -> None:
    one = made(TEXT)
    assert Sketch.from_bytes(one.to_bytes()) == one
    assert len(one.to_bytes()) == 513


@pytest.mark.parametrize("data", [b"", bytes(513), b"\x01" + bytes(511), b"\x01" + bytes(513)])
def test_what_is_no_sketch_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="513 bytes of version 1"):
        Sketch.from_bytes(data)


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(65)])
def test_keys_that_are_refused(key: bytes) -> None:
    with pytest.raises(UsageError, match=f"{len(key)} bytes"):
        sketch(TEXT, key)


def test_likeness_of_one_has_an_error() -> None:
    share, error = similarity(made(TEXT), made(TEXT))
    assert share == 1
    assert 0 < error < 0.02
    assert Likeness(0, 1) < Likeness(1, 0)


def test_bands_find_as_often_as_they_say() -> None:
    hits = shares = 0.0
    for seed in range(80):
        one = words(seed, 120)
        other = one[:75] + words(seed + 1000, 45)
        a, b = made(" ".join(one)), made(" ".join(other))
        shares += found_with(similarity(a, b).share)
        hits += bool(set(bands(a)) & set(bands(b)))
    assert abs(hits - shares) < 16


@pytest.mark.parametrize(
    "part", ["a ", "a\u0301\u0316", "\u0301\u0316", "1 ", "x", "\u4e00", "\ufdfa"]
)
def test_hostile_text_is_linear(part: str) -> None:
    def took(n: int) -> float:
        text = part * (n // len(part))
        best = 9e9
        for _ in range(2):
            start = time.process_time()
            sketch(text, KEY)
            best = min(best, time.process_time() - start)
        return best

    took(1000)
    assert took(160_000) < 24 * took(20_000) + 0.05
