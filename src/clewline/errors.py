"""Every error that Clewline raises on purpose: one tree, four kinds, each with a stable code.

An error says *what* went wrong, *where* (file and offset, line, or argument), *why*, and what
would be allowed. The kind decides the exit code of a command and the status of a web answer;
`ERRORS.md` is generated from this module.

=================== ========= ====== =============================================
kind                exit code HTTP   meaning
=================== ========= ====== =============================================
`UsageError`        2         400    the caller asked for something that cannot be
`DataError`         1         422    an input is broken; names source and position
`UnavailableError`  1         503    not ready, locked, full or too new
=================== ========= ====== =============================================

Anything else that surfaces is a defect of Clewline.
"""

from __future__ import annotations

from typing import ClassVar


class ClewlineError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message : str
        What happened and what would be allowed, in one or two plain sentences.
    where : str, optional
        File and offset, line, or argument. Shown before the message.
    hint : str, optional
        What to try next. Shown after the message.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Return place, message and hint as one line."""
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class UsageError(ClewlineError):
    """The caller asked for something that cannot be; the message lists what is allowed."""

    code = "usage"
    exit_code = 2
    http_status = 400


class AddressError(UsageError):
    """An address that is not one: bad checksum, bad alphabet, or of another network."""

    code = "bad-address"


class NodeAccessError(UsageError):
    """A node refuses the name, password or cookie, or what they allow."""

    code = "node-access"


class UnknownTransactionError(UsageError):
    """No transaction of this id, or no output of this index, is in the store."""

    code = "unknown-transaction"
    http_status = 404


class UnknownAddressError(UsageError):
    """The address is valid but no output of the loaded chain pays to it."""

    code = "unknown-address"
    http_status = 404


class UnknownLabelSetError(UsageError):
    """No label set of this name is in the store."""

    code = "unknown-label-set"
    http_status = 404


class DataError(ClewlineError):
    """An input is broken. `where` names the source and the position in it."""

    code = "bad-data"
    http_status = 422


class BlockFileError(DataError):
    """A block, or the file it lies in, is not what Bitcoin Core writes: framing, parse or hash."""

    code = "bad-block-file"


class ChainError(DataError):
    """Blocks that do not make a chain: a gap, a broken rule, a spend of what is not there."""

    code = "bad-chain"


class NodeAnswerError(DataError):
    """What a node or an Esplora server answered is not what was asked for, or proves nothing."""

    code = "bad-node-answer"


class LabelFileError(DataError):
    """A label file, or a row of one, that cannot be taken."""

    code = "bad-label-file"


class RatesFileError(DataError):
    """A file of exchange rates, or a row of one, that cannot be taken."""

    code = "bad-rates-file"


class SharedFileError(DataError):
    """A file of shared items, or one item of it, that cannot be taken."""

    code = "bad-shared-file"


class PolicyFileError(DataError):
    """A policy file that cannot be taken: names the line, what is wrong and what is allowed."""

    code = "bad-policy-file"


class StoreDamagedError(DataError):
    """A file of the store does not match its checksum or its manifest."""

    code = "store-damaged"


class SealError(DataError):
    """What is sealed cannot be opened: another key, or bytes that were changed."""

    code = "bad-seal"


class AuditBrokenError(DataError):
    """The audit log is not what was written; names the first event that tells."""

    code = "audit-broken"


class BackupError(DataError):
    """A backup cannot be taken back: it was changed, is incomplete, or is of another desk."""

    code = "bad-backup"


class UnavailableError(ClewlineError):
    """Not ready, locked, out of room, or made by a newer version."""

    code = "unavailable"
    http_status = 503


class NodeError(UnavailableError):
    """A node or an Esplora server cannot be reached, stays busy, or has not what is asked for."""

    code = "node"


class NodePrunedError(NodeError):
    """A node has deleted blocks that are needed; another one may have them."""

    code = "node-pruned"


class NotLoadedError(UnavailableError):
    """A partial store does not hold this; that says nothing about what the chain holds."""

    code = "not-loaded"


class ErasedError(UnavailableError):
    """The key of a record was destroyed, so nothing can open it again."""

    code = "erased"
    http_status = 410


class DeliveryError(UnavailableError):
    """A receiver did not take an alert; it is tried again later."""

    code = "not-delivered"


class DeskMissingError(UnavailableError):
    """There is no desk at this place, or its keys are missing."""

    code = "no-desk"


class StoreMissingError(UnavailableError):
    """There is no store at this place, or nothing was imported yet."""

    code = "no-store"


class StoreLockedError(UnavailableError):
    """Another process writes to this store; one writer at a time."""

    code = "store-locked"


class StoreVersionError(UnavailableError):
    """The store was written in a newer format than this version of Clewline reads."""

    code = "store-version"


class StorageError(UnavailableError):
    """The disk refused a write (full, read-only, failing); the store keeps its last tip."""

    code = "storage"


class TooLargeError(UnavailableError):
    """The work needs more memory than the machine has; nothing was begun."""

    code = "too-large"
