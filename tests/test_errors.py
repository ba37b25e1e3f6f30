"""The error tree: codes are unique and stable, every class says how a command and a page end."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import clewline
from clewline import errors
from clewline.errors import ClewlineError, DataError, UnavailableError, UsageError

KINDS = {UsageError: (2, {400, 404}), DataError: (1, {422}), UnavailableError: (1, {410, 503})}

# Codes are public: scripts and pages test for them. Add lines; do not change or remove any.
CODES = {
    "AddressError": "bad-address",
    "AuditBrokenError": "audit-broken",
    "BackupError": "bad-backup",
    "BlockFileError": "bad-block-file",
    "ChainError": "bad-chain",
    "ClewlineError": "error",
    "DataError": "bad-data",
    "DeliveryError": "not-delivered",
    "DeskMissingError": "no-desk",
    "ErasedError": "erased",
    "LabelFileError": "bad-label-file",
    "PolicyFileError": "bad-policy-file",
    "RatesFileError": "bad-rates-file",
    "SealError": "bad-seal",
    "NodeAccessError": "node-access",
    "NodeAnswerError": "bad-node-answer",
    "NodeError": "node",
    "NodePrunedError": "node-pruned",
    "NotLoadedError": "not-loaded",
    "SharedFileError": "bad-shared-file",
    "StorageError": "storage",
    "StoreDamagedError": "store-damaged",
    "StoreLockedError": "store-locked",
    "StoreMissingError": "no-store",
    "StoreVersionError": "store-version",
    "TooLargeError": "too-large",
    "UnavailableError": "unavailable",
    "UnknownAddressError": "unknown-address",
    "UnknownLabelSetError": "unknown-label-set",
    "UnknownTransactionError": "unknown-transaction",
    "UsageError": "usage",
}


def tree(error: type[ClewlineError] = ClewlineError) -> Iterator[type[ClewlineError]]:
    """Yield an error class and all below it."""
    yield error
    for below in error.__subclasses__():
        yield from tree(below)


for module in pkgutil.walk_packages(clewline.__path__, "clewline."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
EVERY = list(tree())


def test_codes_are_unique_and_stable() -> None:
    assert {error.__name__: error.code for error in EVERY} == CODES
    assert len({error.code for error in EVERY}) == len(EVERY)


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.__name__)
def test_class_states_its_code(error: type[ClewlineError]) -> None:
    assert "code" in vars(error), "a code is never inherited"
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code)
    assert error.__module__ == errors.__name__, "the tree lives in one module"
    assert error.__doc__ and error.__doc__.strip()


@pytest.mark.parametrize("error", EVERY[1:], ids=lambda error: error.__name__)
def test_class_is_of_one_kind(error: type[ClewlineError]) -> None:
    kinds = [kind for kind in KINDS if issubclass(error, kind)]
    assert len(kinds) == 1
    exit_code, statuses = KINDS[kinds[0]]
    assert error.exit_code == exit_code
    assert error.http_status in statuses


def test_text_names_place_message_and_hint() -> None:
    error = errors.BlockFileError("cut short", where="blk00000.dat at 93", hint="copy it again")
    assert str(error) == "blk00000.dat at 93: cut short (copy it again)"
    assert str(DataError("cut short")) == "cut short"
    assert (error.message, error.where, error.hint) == (
        "cut short",
        "blk00000.dat at 93",
        "copy it again",
    )
