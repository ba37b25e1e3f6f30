"""Payment URIs of every scheme, from the examples of their standards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clewline.intake.payment_uri import (
    SCHEMES,
    find_payment_uris,
    read_lightning,
    read_payment_uri,
    scaled,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "payment_uris.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda one: one["why"])
def test_valid(vector: dict[str, Any]) -> None:
    uri = read_payment_uri(vector["in_uri"])
    assert uri is not None
    assert uri.problems == ()
    for key in ("canonical", "amount", "currency"):
        if f"out_{key}" in vector:
            assert getattr(uri, key) == vector[f"out_{key}"]
    details = vector.get("out_details", {})
    assert {key: uri.details.get(key) for key in details} == details
    text = f"Made up: {vector['in_uri']}. Then wait."
    ((start, end, found),) = find_payment_uris(text)
    assert text[start:end] == vector["in_uri"]
    assert found == uri


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda one: one["why"])
def test_invalid(vector: dict[str, Any]) -> None:
    uri = read_payment_uri(vector["in_uri"])
    assert uri is not None
    assert [one for one in uri.problems if vector["out_problem"] in one], uri.problems


def test_every_scheme_has_valid_and_invalid_vectors() -> None:
    for side in ("valid", "invalid"):
        met = {vector["in_uri"].partition(":")[0].lower() for vector in VECTORS[side]}
        assert met == set(SCHEMES), side


def test_an_invoice_in_a_request_without_an_address() -> None:
    (invoice,) = (one for one in VECTORS["valid"] if "BOLT-11" in one["why"])
    uri = read_payment_uri(f"bitcoin:?{invoice['in_uri'].replace(':', '=')}")
    assert uri is not None
    assert (uri.amount, uri.details["expiry"], uri.problems) == ("0.0025", "60", ())
    bare = read_lightning(invoice["in_uri"].partition(":")[2].upper())
    assert bare.amount == "0.0025"


def test_words_before_a_colon_are_no_requests() -> None:
    text = "Bitcoin:yes-of-course dash:board-of-members ethereum:accepted-here bitcoin: later"
    assert list(find_payment_uris(text)) == []


def test_nothing_refused_is_in_the_details() -> None:
    address = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
    uri = read_payment_uri(f"bitcoin:{address}?label=data%3Aimage/png%3Bbase64%2CiVBORw0KGgoCANARY")
    assert uri is not None
    assert "CANARY" not in str(uri)
    assert "[removed: data URI" in uri.details["label"]


@given(st.integers(0, 10**30), st.integers(-40, 40))
def test_scaling_is_exact(number: int, places: int) -> None:
    there = scaled(str(number), places)
    assert "e" not in there.lower()
    assert scaled(there, -places) == str(number)


@given(st.sampled_from(sorted(SCHEMES)), st.text(max_size=80))
def test_any_uri_is_borne(scheme: str, rest: str) -> None:
    uri = read_payment_uri(f"{scheme}:{rest}")
    assert uri is not None
    assert uri.readings or uri.problems or scheme == "lightning"
    list(find_payment_uris(f"{scheme}:{rest}"))
