"""Screening a whole input: batch after batch, with a state that an interrupted run goes on from.

A batch is read, matched, written, and only then counted in the state. So a run that was killed
leaves whole batches and perhaps a piece of one, which the next run cuts off before it goes on; the
output is the same bytes as that of a run from beginning to end.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from clewline.errors import StorageError, UsageError
from clewline.screening.lines import LineWriter, ParquetLines, Screened
from clewline.screening.matching import DAY, Matched, Matcher
from clewline.screening.rows import NO_TIME, Fault, Rows, read_rows
from clewline.screening.texts import Texts
from clewline.screening.watchlist import Entry, Watchlist

_TO: Final = frozenset({"out", "to", "withdrawal", "withdraw", "send", "sent", "debit", "outgoing"})
_FROM: Final = frozenset({"in", "from", "deposit", "receive", "received", "credit", "incoming"})

Hit = dict[str, Any]


@dataclass(frozen=True)
class Exposed:
    """What a store says of some addresses.

    Attributes
    ----------
    loaded : ndarray of bool, shape (n,)
        Whether the store can say anything: False for an address of which it holds a part.
    direct, indirect : dict of int to list of dict
        Hits by place: through clusters, and over other addresses.
    """

    loaded: NDArray[np.bool_]
    direct: dict[int, list[Hit]]
    indirect: dict[int, list[Hit]]


class Store(Protocol):
    """What screening asks of a chain store."""

    chain: str
    tip: str
    whole: bool

    def exposed(self, texts: Texts) -> Exposed:
        """Return what is known of addresses of the store's chain."""
        ...

    def reached(self) -> Iterator[NDArray[np.uint64]]:
        """Yield the keys of all addresses of which it knows something."""
        ...


@dataclass(frozen=True)
class Question:
    """How an input is screened.

    Attributes
    ----------
    form : str
        Of the input: csv, jsonl or parquet.
    mapping : dict of str to str
        Role to column name.
    lookback : int or None
        Days of transfers that are screened, up to `as_of`; None: all.
    slack : int
        Days before ``valid_from`` for which an entry counts as well.
    as_of : int
        UTC seconds.
    output : str
        jsonl or csv.
    explain : bool
        Whether hits say why.
    """

    form: str = "csv"
    mapping: Mapping[str, str] = field(default_factory=dict)
    lookback: int | None = None
    slack: int = 0
    as_of: int = 0
    output: str = "jsonl"
    explain: bool = False


@dataclass
class Counts:
    """What was seen so far, and where input and output stand."""

    rows: int = 0
    direct: int = 0
    indirect: int = 0
    clean: int = 0
    not_loaded: int = 0
    faults: int = 0
    read: int = 0
    written: int = 0
    errors_written: int = 0

    @property
    def hits(self) -> int:
        """Rows with a hit."""
        return self.direct + self.indirect

    def add(self, screened: Screened, faults: int) -> None:
        """Count a batch."""
        n, hits = len(screened.rows), len(screened.hits)
        bare = np.ones(n, np.bool_)
        bare[np.array(list(screened.hits), np.int64)] = False
        self.rows += n
        self.direct += len(screened.direct)
        self.indirect += hits - len(screened.direct)
        self.clean += int((bare & screened.loaded).sum())
        self.not_loaded += int((bare & ~screened.loaded).sum())
        self.faults += faults
        self.read = screened.rows.end


def hit_of(entry: Entry, reason: str) -> Hit:
    """Return the hit of an address that is an entry's, by itself or by its cluster."""
    return {
        "entity": entry.claim.entity,
        "category": entry.claim.category,
        "direction": "self",
        "value": None,
        "share": 1.0,
        "hops": 0,
        "set": entry.label_set,
        "type": entry.claim.type,
        "entries": (entry,),
        "reason": reason,
    }


def direct_hit(entry: Entry, rows: Rows, row: int) -> Hit:
    """Return the hit of a row whose address is listed."""
    claim = entry.claim
    seen = "shows" if claim.type == "mention" else "is said to control"
    reason = (
        f"{claim.entity} {seen} {entry.address} on {entry.chain} "
        f"({claim.source}, confidence {claim.confidence})"
    )
    return hit_of(entry, reason) | moved(rows, row)


def moved(rows: Rows, row: int) -> Hit:
    """Return what a row says of money that went to a listed address or came from it."""
    direction = direction_of(rows, row)
    value = rows.cells["value"].text(row) if "value" in rows.cells else ""
    return {
        "direction": direction,
        "value": value or None,
        "hops": 0 if direction == "self" else 1,
    }


def direction_of(rows: Rows, row: int) -> str:
    """Return ``to`` for a transfer to the address, ``from`` for one from it, else ``self``."""
    if "direction" not in rows.cells:
        return "self"
    word = rows.cells["direction"].text(row).lower()
    return "to" if word in _TO else "from" if word in _FROM else "self"


def _label(hit: Hit) -> tuple[str, str, str]:
    """Return what a label says, whichever address it is of."""
    return hit["entity"], hit["set"], hit["type"]


def _rank(entry: Entry) -> tuple[Any, ...]:
    """Return the key by which the strongest entry comes first: child protection before all."""
    claim = entry.claim
    return not claim.child_protection, -claim.level, claim.entity, entry.key


class Screener:
    """Screens batches of rows.

    Parameters
    ----------
    watchlist : Watchlist
        What is looked for.
    question : Question
        How.
    stores : sequence of Store
        Chain stores that indirect exposure is asked of; none: direct matching is all that is asked.
    """

    def __init__(
        self, watchlist: Watchlist, question: Question, stores: tuple[Store, ...] = ()
    ) -> None:
        self.watchlist, self.question, self.stores = watchlist, question, stores
        self._matcher = Matcher(watchlist, question.slack)

    @property
    def tip(self) -> str | None:
        """The tip of the store, None without one."""
        return self.stores[0].tip if self.stores else None

    def screen(self, rows: Rows) -> tuple[Screened, list[Fault]]:
        """Return what is said of a batch, and what is to be reported of its lines."""
        return self._screen(rows, self.stores)

    def direct_only(self, rows: Rows) -> tuple[Screened, list[Fault]]:
        """Return the same of the list alone, whatever stores there are."""
        return self._screen(rows, ())

    def _screen(self, rows: Rows, stores: tuple[Store, ...]) -> tuple[Screened, list[Fault]]:
        """Match a batch, and ask stores."""
        empty = rows.cells["address"].ends == rows.cells["address"].begins
        faults = [*rows.faults]
        faults += [Fault(int(rows.line[k]), "no address") for k in np.flatnonzero(empty).tolist()]
        rows = rows.without(empty)
        matched = self._matcher.match(rows)
        if stores:
            matched = replace(matched, chains=tuple(map(self._held, matched.chains)))
        inside = self._inside(matched)
        hits: dict[int, list[Hit]] = {}
        direct: set[int] = set()
        found: dict[int, list[Entry]] = {}
        for row, entry in zip(matched.row.tolist(), matched.entry.tolist(), strict=True):
            if inside[row]:
                found.setdefault(row, []).append(self.watchlist.entries[entry])
        for row, entries in found.items():
            ranked = sorted(entries, key=_rank)
            # A text that two chains share is listed for both, by one label.
            once = {(entry.claim.canonical, entry.label_set): entry for entry in reversed(ranked)}
            hits[row] = [direct_hit(entry, rows, row) for entry in reversed(once.values())]
            direct.add(row)
        loaded = matched.known & inside
        if stores:
            loaded &= self._look(rows, matched, inside, hits, direct)
        screened = Screened(rows, matched.kind, matched.chains, loaded, hits, direct)
        return screened, sorted(faults + matched.faults, key=lambda fault: fault.line)

    def _held(self, chains: str) -> str:
        """Return which of the chains that share an address stores hold; all where none does."""
        held = {store.chain for store in self.stores}
        return " ".join(chain for chain in chains.split(" ") if chain in held) or chains

    def _inside(self, matched: Matched) -> NDArray[np.bool_]:
        """Tell which rows lie in the look-back window; one without a time does."""
        if self.question.lookback is None:
            return np.ones(matched.times.size, np.bool_)
        oldest = self.question.as_of - self.question.lookback * DAY
        inside: NDArray[np.bool_] = (matched.times >= oldest) | (matched.times == NO_TIME)
        return inside

    def _holds(self, hit: Hit, time: int) -> bool:
        """Tell whether the labels that a hit rests on hold at the time of a row."""
        slack = self.question.slack * DAY
        return all(entry.holds(time, slack) for entry in hit.get("entries", ()))

    def _look(
        self,
        rows: Rows,
        matched: Matched,
        inside: NDArray[np.bool_],
        hits: dict[int, list[Hit]],
        direct: set[int],
    ) -> NDArray[np.bool_]:
        """Add what stores say to `hits`; return for which rows one could say anything."""
        read = {store.chain: np.zeros(len(rows), np.bool_) for store in self.stores}
        texts = rows.cells["address"]
        for store in self.stores:
            of_chain = np.array([store.chain in chains.split(" ") for chains in matched.chains])
            asked = np.flatnonzero(of_chain[matched.kind] & matched.known & inside)
            if not asked.size:
                continue
            answer = store.exposed(Texts(texts.data, texts.begins[asked], texts.ends[asked]))
            read[store.chain][asked] |= answer.loaded
            for place, more in answer.direct.items():
                row = int(asked[place])
                said = {_label(hit) for hit in hits.get(row, [])}
                fresh = []
                for hit in more:
                    # What several labels of an entity say alike is said once, by the strongest.
                    if _label(hit) not in said and self._holds(hit, int(matched.times[row])):
                        fresh.append(hit)
                        if not hit["hops"]:
                            said.add(_label(hit))
                for hit in fresh:
                    if not hit["hops"]:
                        hit.update(moved(rows, row))
                if fresh:
                    hits.setdefault(row, []).extend(fresh)
                    direct.add(row)
            for place, more in answer.indirect.items():
                hits.setdefault(int(asked[place]), []).extend(more)
        loaded = np.zeros(len(rows), np.bool_)
        for kind, chains in enumerate(matched.chains):
            # A text that several chains share is only checked when all that are shown were.
            if read.keys() >= set(chains.split(" ")):
                each = [read[chain] for chain in chains.split(" ")]
                loaded |= (matched.kind == kind) & np.logical_and.reduce(each)
        return loaded


def run(
    screener: Screener,
    source: BinaryIO,
    name: str,
    write: Callable[[Screened], int],
    *,
    counts: Counts | None = None,
    done: Callable[[Counts, list[Fault]], None] = lambda counts, faults: None,
) -> Counts:
    """Screen an input, batch by batch.

    Parameters
    ----------
    screener : Screener
        What is looked for, and how.
    source : binary file
        The input, at its beginning.
    name : str
        Its name, for errors.
    write : callable
        Given each batch; returns how many bytes it wrote.
    counts : Counts, optional
        Of the run that this one goes on from.
    done : callable
        Told after each batch, when it is written.

    Returns
    -------
    Counts
        Of all rows, those of the earlier run included.

    Raises
    ------
    UsageError, DataError, UnavailableError

    Notes
    -----
    Cost: one to two microseconds a row; memory of three batches.
    """
    counts = counts or Counts()
    for screened, faults in screened_batches(screener, source, name, counts.read):
        counts.written += write(screened)
        counts.add(screened, len(faults))
        done(counts, faults)
    return counts


def screen_file(
    screener: Screener,
    source: Path | None,
    write: Callable[[Screened], int] | None = None,
    *,
    out: Path | None = None,
    errors: Path | None = None,
    resume: bool = False,
    done: Callable[[Counts, list[Fault]], None] = lambda counts, faults: None,
) -> Counts:
    """Screen a file or standard input into a file, standard output, or a function.

    Parameters
    ----------
    screener : Screener
        What is looked for, and how; `Question.output` is the form of the lines.
    source : Path or None
        The input; None: standard input.
    write : callable, optional
        Given each batch instead of its lines being written.
    out : Path, optional
        Where lines go; without it to standard output. A run into a file keeps its state beside it,
        in ``OUT.state``, until it is over.
    errors : Path, optional
        Where faults go, a JSON line each.
    resume : bool
        Go on where the last run into `out` stopped; from the beginning if there was none.
    done : callable
        Told after each batch.

    Returns
    -------
    Counts
        Of all rows, those of the earlier run included.

    Raises
    ------
    UsageError, DataError, StorageError, UnavailableError
    """
    question = screener.question
    name = str(source) if source else "-"
    if resume and (out is None or question.output == "parquet"):
        raise UsageError(
            "a run that can go on writes lines into a file",
            where="--resume",
            hint="--out FILE with --format jsonl or csv",
        )
    for one, other in ((out, source), (errors, source), (errors, out)):
        if one and other and one.resolve() == other.resolve():
            raise UsageError("would be written over", where=str(other), hint="name another file")
    progress = _progress(screener, name, source, out) if out else None
    counts = progress.read() if progress and resume else None
    counts = counts or Counts()
    with ExitStack() as files:
        reading = files.enter_context(opened(source))
        faulty = files.enter_context(_appended(errors, counts.errors_written)) if errors else None
        target: BinaryIO | None = None
        if write is None and question.output == "parquet":
            write = files.enter_context(
                ParquetLines(out, screener.watchlist.version, screener.tip)
            ).write
        elif write is None:
            target = files.enter_context(_appended(out, counts.written))
            write = _lines_into(target, screener, counts)

        def after(counts: Counts, faults: list[Fault]) -> None:
            if faulty:
                for fault in faults:
                    text = json.dumps(asdict(fault), ensure_ascii=False) + "\n"
                    counts.errors_written += faulty.write(text.encode())
                faulty.flush()
            if progress and target:
                target.flush()
                os.fsync(target.fileno())
                progress.write(counts)
            done(counts, faults)

        try:
            counts = run(screener, reading, name, write, counts=counts, done=after)
            if target:
                target.flush()
        except OSError as error:
            if error.filename is None and out is None:
                raise
            raise StorageError(
                f"cannot be read or written: {error.strerror}", where=str(out or name)
            ) from error
    if progress:
        progress.remove()
    return counts


def began(out: Path) -> int | None:
    """Return as of when the run into a file looks back that was interrupted; None for none."""
    try:
        return int(json.loads(_state_of(out).read_bytes())["as_of"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _state_of(out: Path) -> Path:
    """Return where a run into a file keeps its state."""
    return out.with_name(out.name + ".state")


def _lines_into(target: BinaryIO, screener: Screener, counts: Counts) -> Callable[[Screened], int]:
    """Return what writes lines into a file, the header of a new one before them."""
    question = screener.question
    writer = LineWriter(
        question.output, screener.watchlist.version, screener.tip, explain=question.explain
    )
    if not counts.written:
        counts.written += target.write(writer.header())
    return lambda screened: target.write(writer.write(screened))


def _progress(screener: Screener, name: str, source: Path | None, out: Path) -> Progress:
    """Return the state of a run into a file."""
    question = asdict(screener.question)
    if screener.question.lookback is None:
        question.pop("as_of")
    size = source.stat().st_size if source and source.is_file() else None
    identity = {
        **question,
        "input": name,
        "bytes": size,
        "list": screener.watchlist.digest,
        "tip": screener.tip,
    }
    return Progress(_state_of(out), identity)


@contextmanager
def opened(source: Path | None) -> Iterator[BinaryIO]:
    """Open an input for reading."""
    if source is None:
        yield sys.stdin.buffer
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(source)) from error
    with file:
        yield file


@contextmanager
def _appended(path: Path | None, size: int) -> Iterator[BinaryIO]:
    """Open a file for writing behind its first bytes; what follows them is cut off."""
    if path is None:
        yield sys.stdout.buffer
        return
    try:
        file = path.open("r+b" if size else "wb")
        if size and path.stat().st_size < size:
            file.close()
            raise UsageError(
                f"shorter than the {size} bytes that the interrupted run wrote", where=str(path)
            )
        file.seek(size)
        file.truncate()
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", where=str(path)) from error
    with file:
        yield file


def screened_batches(
    screener: Screener,
    source: BinaryIO,
    name: str,
    start: int = 0,
    take: Callable[[Rows], tuple[Screened, list[Fault]]] | None = None,
) -> Iterator[tuple[Screened, list[Fault]]]:
    """Yield what is said of each batch of an input, and what is to be reported of its lines.

    Parameters
    ----------
    screener : Screener
        What is looked for, and how.
    source : binary file
        The input, at its beginning.
    name : str
        Its name, for errors.
    start : int
        `Counts.read` of the run that this one goes on from.
    take : callable, optional
        Screens a batch; `Screener.screen` if not given.

    Yields
    ------
    screened : Screened
        In the order of the input.
    faults : list of Fault
        What is to be reported of its lines.
    """
    question = screener.question
    batches = read_rows(source, question.form, question.mapping, name, start=start)
    # One batch is read and matched while the one before is written: kernels leave the other core.
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_next, batches, take or screener.screen)
        while (found := coming.result()) is not None:
            coming = ahead.submit(_next, batches, take or screener.screen)
            yield found


def _next(
    batches: Iterator[Rows], take: Callable[[Rows], tuple[Screened, list[Fault]]]
) -> tuple[Screened, list[Fault]] | None:
    """Return what is said of the next batch, None behind the last."""
    rows = next(batches, None)
    return None if rows is None else take(rows)


class Progress:
    """The state file of a run: what it is, and how far it came.

    Parameters
    ----------
    path : Path
        Beside the output.
    identity : dict
        What has to be the same for a run to go on: list, tip, options, name and size of the input.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path, self._identity = path, dict(identity)

    def read(self) -> Counts | None:
        """Return where the last run stopped, None if there was none.

        Raises
        ------
        UsageError
            If it was another run.
        """
        try:
            state = json.loads(self.path.read_bytes())
            counts = Counts(**state.pop("counts"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StorageError(f"no state of a run: {error}", where=str(self.path)) from None
        differ = sorted(key for key in self._identity if state.get(key) != self._identity[key])
        if differ:
            raise UsageError(
                f"the run that was interrupted was another: {', '.join(differ)} changed",
                where=str(self.path),
                hint="start anew without --resume",
            )
        return counts

    def write(self, counts: Counts) -> None:
        """Replace the state by that of now."""
        fresh = self.path.with_name(self.path.name + ".new")
        text = json.dumps({**self._identity, "counts": asdict(counts)}, indent=1) + "\n"
        try:
            with fresh.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError as error:
            raise StorageError(
                f"cannot be written: {error.strerror}", where=str(self.path)
            ) from error

    def remove(self) -> None:
        """Take the state away: the run is over."""
        self.path.unlink(missing_ok=True)
