"""Import a file on the desk's machine, by the same steps that pages and the API take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.db import transaction

from clewline.desk.accounts.models import User
from clewline.desk.audit import services as audit
from clewline.desk.bulk import queries, reading, services
from clewline.desk.bulk.models import Import, Row
from clewline.desk.roles import ACTIONS, allowed
from clewline.errors import DataError, UsageError

_CLIENT = "terminal"


def bring_in(
    file: Path, pseudonym: str, team: str = "", *, record: bool = False
) -> tuple[Import, dict[str, int], list[Row]]:
    """Check the rows of a file, and record them if that is asked for.

    Each step is a transaction with its own audit row, so what is broken off is begun again: what
    was recorded is known then.

    Parameters
    ----------
    file : Path
        ``.csv``, or ``.jsonl`` for JSON lines, in UTF-8.
    pseudonym : str
        Of whom it is recorded as.
    team : str
        Name of one of their teams; the first if none is named.
    record : bool
        Record the new rows.

    Returns
    -------
    tuple of Import, dict and list of Row
        The import, state → how many rows, and the first wrong rows.

    Raises
    ------
    UsageError
        If the person may not, or the ending of the file is another.
    DataError
        If the file cannot be read as text.
    """
    form = {".csv": reading.CSV, ".jsonl": reading.LINES}.get(file.suffix)
    if form is None:
        raise UsageError("ends in .csv or .jsonl", where=str(file))
    user = User.objects.filter(pseudonym=pseudonym, is_active=True).first()
    may, reason = allowed(user.roles, ACTIONS["import.record"]) if user else (False, "nobody")
    if user is None or not may:
        raise UsageError(f"may not import: {reason}", where=pseudonym)
    named = user.teams.filter(name=team) if team else user.teams.order_by("id")
    own = named.first()
    if own is None:
        raise UsageError("not a team of theirs", where=team or pseudonym)
    with transaction.atomic():
        job = services.begin(user, own, name=file.name[:80], form=form)
        _take_in(user, job, file)
        _tell(user, "import.make", job, {"file": file.name[:80]})
    _to_the_end(user, "import.make", job, services.check)
    if record:
        _to_the_end(user, "import.record", job, services.record)
    job.refresh_from_db()
    return job, queries.progress(job).states, queries.problems(job)


def _take_in(user: User, job: Import, file: Path) -> None:
    """Take a file in, in parts that end with a row."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot be read as UTF-8 text: {type(error).__name__}", where=str(file)
        ) from None
    head, rest = (services.heading_of(text)) if job.form == reading.CSV else ("", text)
    rows = reading.rows_of(job.form, rest, reading.separator(head))
    part, size, number = [head] if head else [], len(head), 1
    for row in rows:
        if part and size + len(row.text) > services.LARGEST_PART:
            services.add(user, job, number, "".join(part))
            part, size, number = [], 0, number + 1
        part.append(row.text)
        size += len(row.text)
    services.add(user, job, number, "".join(part))


def _to_the_end(
    user: User, action: str, job: Import, step: Callable[[User, Import], services.Step]
) -> None:
    """Do a step until there is nothing left; each with its audit row."""
    done = False
    while not done:
        with transaction.atomic():
            made = step(user, job)
            _tell(user, action, job, made.audit)
        done = made.done


def _tell(user: User, action: str, job: Import, details: dict[str, object]) -> None:
    """Leave an audit row."""
    audit.write(
        actor=user.pseudonym, action=action, object=job.ref, client=_CLIENT, details=details
    )
