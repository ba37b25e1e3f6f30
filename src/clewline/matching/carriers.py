"""How messages travel: as files in a folder that both sides reach, or over HTTPS.

The messages are the same, signed and bound to their session, so a carrier is trusted with nothing
but to carry. Whoever reads along learns sizes, and which keys speak.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from clewline.errors import DataError, NodeAnswerError, NodeError, UsageError
from clewline.matching.exchange import Session
from clewline.matching.hotline import Hotline
from clewline.matching.message import MOST_BYTES, Kind, Message
from clewline.sources.server import Busy, Server, TooLong, parse_url

Clock = Callable[[], datetime]
Progress = Callable[[str, int, int], None]

TO_HOTLINE: Final = "to-hotline"
TO_EXCHANGE: Final = "to-exchange"
PATH: Final = "/messages"
MEDIA_TYPE: Final = "application/octet-stream"
_URL: Final = "https://hotline.example:8443"
_OK: Final = 200
_WAIT: Final = 503


def answer_folder(
    hotline: Hotline, folder: Path, report: Callable[[str], None] = lambda _line: None
) -> int:
    """Answer every message in a folder that has no answer yet.

    Parameters
    ----------
    hotline : Hotline
        The side that answers.
    folder : Path
        Holds ``to-hotline`` and ``to-exchange``; an answer has the name of what it answers.
    report : callable
        Called with a line for each file that is no message of a known partner.

    Returns
    -------
    int
        How many were answered.
    """
    answered = 0
    out = _made(folder / TO_EXCHANGE)
    for file in sorted(_made(folder / TO_HOTLINE).glob("*.msg"), key=_order):
        reply = out / file.name
        if reply.exists():
            continue
        try:
            if file.stat().st_size > MOST_BYTES:
                raise DataError(f"longer than {MOST_BYTES} bytes", where=str(file))
            _put(reply, hotline.handle(file.read_bytes(), where=str(file)))
        except DataError as error:
            report(str(error))
            continue
        answered += 1
    return answered


def ask_folder(session: Session, folder: Path, now: Clock, *, tell: bool) -> bool:
    """Put into a folder what is to be asked, and take the answers that are there.

    Returns
    -------
    bool
        Whether the session is complete. If not, run again when the other side has answered.
    """
    out, back = _made(folder / TO_HOTLINE), _made(folder / TO_EXCHANGE)

    def exchange(message: Message) -> bool:
        _put(out / message.name, session.sign(message), again=False)
        reply = back / message.name
        if not reply.exists():
            return False
        session.take(reply.read_bytes(), message, now())
        return True

    for message in session.messages():
        if not exchange(message) and message.kind is Kind.OPEN:
            return False
    if session.is_complete:
        exchange(session.done_message(tell=tell))
    return session.is_complete


class _MessageServer(Server):
    """A hotline over HTTPS."""

    def post(self, data: bytes) -> bytes:
        """Send a message and return the answer's bytes.

        Raises
        ------
        NodeError
            If nothing answers, or it is busy for longer than is waited.
        NodeAnswerError
            If what answers is no such service.
        """

        def attempt() -> bytes:
            headers = {"Content-Type": MEDIA_TYPE}
            try:
                answer = self._request("POST", PATH, data, headers, MOST_BYTES)
            except TooLong:
                raise NodeAnswerError("an answer too long for a message", where=self.shown) from (
                    None
                )
            if answer.status == _WAIT:
                raise Busy("busy", float(answer.retry_after or 0))
            if answer.status != _OK:
                raise NodeAnswerError(
                    f"answers {answer.status}: {answer.text()}",
                    where=self.shown,
                    hint="does the hotline have this side's public key?",
                )
            return answer.body

        return self.retry(attempt)


def ask_server(
    session: Session,
    url: str,
    now: Clock,
    *,
    tell: bool,
    authority: Path | None = None,
    patience: float = 300.0,
    progress: Progress = lambda _what, _done, _all: None,
) -> None:
    """Run a session over HTTPS, from wherever it stands to its end.

    Parameters
    ----------
    url : str
        ``https://host:port``; plain http only on this machine.
    authority : Path, optional
        Certificate that the server's must be signed with, where it is none of the system's.
    patience : float
        Seconds to go on asking a busy server.

    Raises
    ------
    UsageError
        If the URL is none, or not https.
    NodeError
        If the server does not answer; run again to go on.
    """
    where = parse_url(url, "--url", _URL)
    if not where.secure and not where.is_local:
        raise UsageError("needs https; plain http goes no further than this machine", where="--url")
    server = _MessageServer(
        where, "is the hotline's service running?", patience, authority=authority
    )
    try:
        for message in session.messages():
            session.take(server.post(session.sign(message)), message, now())
            if message.kind is Kind.ASK:
                progress("asked", message.number + 1, session.plan.pieces)
        message = session.done_message(tell=tell)
        session.take(server.post(session.sign(message)), message, now())
    except Busy as busy:
        raise NodeError(str(busy), where=where.shown) from None
    finally:
        server.close()


def _order(file: Path) -> tuple[str, int, str]:
    """Order messages as a session has them: open first, done last."""
    name = file.name
    rank = 0 if "-open-" in name else 2 if "-done-" in name else 1
    return name[:32], rank, name


def _made(directory: Path) -> Path:
    """Return a directory that is there."""
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _put(file: Path, data: bytes, *, again: bool = True) -> None:
    """Write a file whole or not at all; leave one that is there, unless `again`."""
    if not again and file.exists():
        return
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(data)
    part.replace(file)
