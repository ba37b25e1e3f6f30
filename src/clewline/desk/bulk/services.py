"""Every step of an import: begin, take text in, map columns, check, record, take back.

A step that is done is kept; one that breaks off left nothing. So an import goes on where it was,
whatever happened, and no row is recorded twice: rows are known again by the reference of the report
system, with the page's address and the time it was seen, or else by all that they say.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from clewline.desk.accounts.models import Team, User
from clewline.desk.bulk import reading
from clewline.desk.bulk.models import (
    KNOWN,
    NEW,
    RECORDED,
    UNDONE,
    WRONG,
    Import,
    ImportKey,
    Part,
    Piece,
    Row,
)
from clewline.desk.ledger import index_of, new_reference, vault
from clewline.desk.records import services as records
from clewline.desk.records.drafts import SightingDraft
from clewline.desk.records.many import Examined, examine, write_many
from clewline.desk.records.models import Sighting, Withdrawal
from clewline.desk.records.plain_text import require_text
from clewline.desk.records.site_address import read_site_address
from clewline.errors import ClewlineError, DataError, UsageError

PIECE: Final = 250
"""Rows that are checked or recorded in one transaction."""
LARGEST_PART: Final = 2_000_000
"""Characters of one text that is sent."""
MOST_ROWS: Final = 200_000
_BINARY: Final = ("\x89PNG", "\xff\xd8\xff", "GIF8", "%PDF", "PK\x03\x04", "RIFF", "\x1a\x45\xdf")


@dataclass(frozen=True)
class Step:
    """What a step did: rows from first to last, how many of which state, which records."""

    first: int = 0
    last: int = 0
    states: Mapping[str, int] | None = None
    refs: tuple[str, ...] = ()
    done: bool = False

    @property
    def audit(self) -> dict[str, Any]:
        """What the audit log says: rows, counts, and one hash of the references of records."""
        listed = "\n".join(self.refs).encode()
        hashed = {"sha256": hashlib.sha256(listed).hexdigest()} if self.refs else {}
        return {"rows": f"{self.first}-{self.last}", **(self.states or {}), **hashed}


@transaction.atomic
def begin(
    user: User,
    team: Team,
    *,
    name: str,
    form: str,
    constants: Mapping[str, str] | None = None,
) -> Import:
    """Begin an import.

    Parameters
    ----------
    user : User
        Who imports.
    team : Team
        Whose records they will be; one of theirs.
    name : str
        What people call it.
    form : str
        One of `reading.FORMS`.
    constants : mapping of str to str, optional
        Field → what holds where a row says nothing of it.

    Raises
    ------
    UsageError
        If the team is none of theirs, or a form or field is unknown.
    DataError
        If a text holds media or binary.
    """
    if team.pk not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    if form not in reading.FORMS:
        raise UsageError(f"one of: {', '.join(reading.FORMS)}", where="form")
    settled = {field: text for field, text in (constants or {}).items() if text}
    for field, text in settled.items():
        if not reading.is_field(field):
            raise UsageError("is no field of a record", where=field[:60])
        require_text(text, field)
    if not name.strip() or len(name) > 80:
        raise UsageError("1 to 80 characters", where="name")
    require_text(name, "name")
    made: Import = Import.objects.create(
        ref=new_reference(Import.LETTER),
        key_id=vault().new_key(),
        team=team,
        by=user,
        name=name.strip(),
        form=form,
        constants=settled,
    )
    return made


@transaction.atomic
def add(user: User, job: Import, part: int, text: str) -> Import:
    """Take a text in, as the next part of an import. The same part sent again changes nothing.

    A row that holds media is left out here already, and told of when rows are checked.

    Raises
    ------
    UsageError
        If it is not the next part, or rows were recorded already.
    DataError
        If it is too large, no text, or no CSV.
    """
    job = _locked(user, job)
    if len(text) > LARGEST_PART:
        raise DataError(f"{len(text):,} characters; at most {LARGEST_PART:,}", where="text")
    if text.startswith(_BINARY) or "\x00" in text:
        raise DataError("is no text; text alone is taken", where="text")
    check = index_of("import part", text)
    before = Part.objects.filter(job=job, number=part).first()
    if before is not None and bytes(before.check_index) == check:
        return job
    if job.recording or part != job.parts + 1:
        raise UsageError(f"the next part is {job.parts + 1}", where="part")
    heading = ""
    if job.form == reading.CSV and part == 1:
        heading, text = heading_of(text)
        job.columns, job.parted_by = reading.columns_of(heading), reading.separator(heading)
        job.mapping = {name: guess(name) for name in job.columns}
    found = reading.rows_of(job.form, text, job.parted_by)
    if job.rows + len(found) > MOST_ROWS:
        raise DataError(f"more than {MOST_ROWS:,} rows", where="text")
    lines = 1 if heading else 0
    for at in range(0, len(found), PIECE):
        some = found[at : at + PIECE]
        rows = [_kept(row, lines) for row in some]
        piece = Piece(
            job=job,
            key_id=job.key_id,
            number=Piece.objects.filter(job=job).count() + 1,
            first=job.rows + 1,
            count=len(rows),
        )
        piece.seal("text", json.dumps(rows))
        piece.save()
        job.rows += len(rows)
    Part.objects.create(job=job, number=part, check_index=check)
    job.parts = part
    job.save()
    return job


def guess(column: str) -> str:
    """Return the field that a column is called like; empty where there is none.

    Examples
    --------
    >>> guess("Report Ref"), guess("Address 2"), guess("colour")
    ('report_ref', 'address_2', '')
    """
    name = "_".join(column.casefold().replace("-", " ").replace("_", " ").split())
    return name if reading.is_field(name) else ""


@transaction.atomic
def set_columns(user: User, job: Import, mapping: Mapping[str, str]) -> Import:
    """Say which field each column is of; what is left out is not read. Rows are checked anew.

    Raises
    ------
    UsageError
        If a column or field is unknown, a field is named twice, or rows were recorded already.
    """
    job = _locked(user, job)
    if job.recording:
        raise UsageError("rows were recorded already", where="columns")
    wanted = {name: field for name, field in mapping.items() if field}
    for name, field in wanted.items():
        if name not in job.columns:
            raise UsageError("is no column of it", where=name[:60])
        if not reading.is_field(field):
            raise UsageError(f"{field[:60]!r} is no field of a record", where=name[:60])
    fields = list(wanted.values())
    if twice := {field for field in fields if fields.count(field) > 1}:
        raise UsageError("is of two columns", where=sorted(twice)[0])
    job.mapping = {name: wanted.get(name, "") for name in job.columns}
    job.save()
    Row.objects.filter(job=job).delete()
    Piece.objects.filter(job=job).update(checked=False)
    return job


@transaction.atomic
def check(user: User, job: Import) -> Step:
    """Check the next rows: what is new, what is known, what is wrong and why. Records nothing."""
    job = _locked(user, job)
    piece = Piece.objects.filter(job=job, checked=False).order_by("number").first()
    if piece is None:
        return Step(done=True)
    rows = []
    made: dict[int, tuple[SightingDraft, Examined]] = {}
    for number, (line, text, refused) in enumerate(json.loads(piece.unseal("text")), piece.first):
        row = Row(job=job, number=number, line=line, state=NEW)
        rows.append(row)
        try:
            if refused:
                raise DataError(refused)
            draft = _draft(job, text)
            made[number] = draft, examine(user, job.team_id, draft)
            row.key, row.check_index = _key(draft), records.check_of(draft, None)
        except ClewlineError as error:
            _set_wrong(row, error)
    _mark_known(job, rows, made)
    Row.objects.bulk_create(rows)
    piece.checked = True
    piece.save()
    left = Piece.objects.filter(job=job, checked=False).exists()
    states = dict(Counter(row.state for row in rows))
    return Step(piece.first, piece.first + piece.count - 1, states, done=not left)


@transaction.atomic
def record(user: User, job: Import) -> Step:
    """Record the next rows that were found new; the others stay as they were told of.

    Raises
    ------
    UsageError
        If not all rows are checked, or the import was taken back.
    """
    job = _locked(user, job)
    if job.undone_reason:
        raise UsageError("was taken back", where=job.ref)
    if not job.rows or Piece.objects.filter(job=job, checked=False).exists():
        raise UsageError("check all rows first", where=job.ref)
    piece = Piece.objects.filter(job=job, recorded=False).order_by("number").first()
    if piece is None:
        return Step(done=True)
    last = piece.first + piece.count - 1
    rows = list(Row.objects.filter(job=job, number__range=(piece.first, last)).order_by("number"))
    texts = dict(enumerate(json.loads(piece.unseal("text")), piece.first))
    made: dict[int, tuple[SightingDraft, Examined]] = {}
    for row in rows:
        if row.state == NEW:
            try:
                draft = _draft(job, texts[row.number][1])
                made[row.number] = draft, examine(user, job.team_id, draft)
            except ClewlineError as error:
                _set_wrong(row, error)
    # Somebody may have recorded the same since.
    _mark_known(job, rows, made)
    fresh = [row for row in rows if row.state == NEW]
    drafts = [made[row.number][0] for row in fresh]
    sightings = write_many(user, job.team_id, drafts, [made[row.number][1] for row in fresh])
    for row, sighting in zip(fresh, sightings, strict=True):
        row.state, row.sighting = RECORDED, sighting
    Row.objects.bulk_update(rows, ["state", "where", "problem", "hint", "sighting"])
    ImportKey.objects.bulk_create(
        [
            ImportKey(
                team_id=job.team_id,
                key=row.key,
                check_index=row.check_index,
                sighting=row.sighting,
            )
            for row in fresh
        ],
        update_conflicts=True,
        update_fields=["check_index", "sighting"],
        unique_fields=["team", "key"],
    )
    # What is recorded is sealed in its records, and here no longer.
    piece.recorded, piece.text_sealed = True, None
    piece.save()
    left = Piece.objects.filter(job=job, recorded=False).exists()
    if not job.recording:
        job.recording = True
        job.save()
    if not left:
        key = job.key_id
        transaction.on_commit(lambda: vault().destroy({key: {}}))
    states = dict(Counter(row.state for row in rows))
    refs = tuple(one.ref for one in sightings)
    return Step(piece.first, last, states, refs, done=not left)


@transaction.atomic
def undo(user: User, job: Import, reason: str) -> Step:
    """Withdraw the next of an import's records that still stand, with the reason of the import.

    What a person corrected or withdrew meanwhile stays as it is.

    Raises
    ------
    UsageError
        If no reason is given, or nothing was recorded.
    DataError
        If the reason holds media or binary.
    """
    job = _locked(user, job)
    reason = reason.strip() or job.undone_reason
    if not reason or len(reason) > 300:
        raise UsageError("say why, in 1 to 300 characters", where="reason")
    require_text(reason, "reason")
    if not job.recording:
        raise UsageError("nothing of it was recorded", where=job.ref)
    if not job.undone_reason:
        job.undone_reason = reason
        job.save()
        # What was not recorded yet never will be.
        Piece.objects.filter(job=job).update(text_sealed=None, recorded=True)
    rows = list(Row.objects.filter(job=job, state=RECORDED).order_by("number")[:PIECE])
    if not rows:
        return Step(done=True)
    stand = Sighting.objects.standing().filter(pk__in=[row.sighting_id for row in rows])
    sightings = list(stand.order_by("pk"))
    told = f"Import {job.ref} was taken back: {job.undone_reason}"
    Withdrawal.objects.bulk_create(
        [Withdrawal(sighting=one, reason=told[:400], by=user) for one in sightings]
    )
    Row.objects.filter(pk__in=[row.pk for row in rows]).update(state=UNDONE)
    left = Row.objects.filter(job=job, state=RECORDED).exists()
    states = {"withdrawn": len(sightings), "left as corrected": len(rows) - len(sightings)}
    refs = tuple(one.ref for one in sightings)
    return Step(rows[0].number, rows[-1].number, states, refs, done=not left)


def _locked(user: User, job: Import) -> Import:
    """Return an import as it is now; who works on imports of the same team waits."""
    if job.team_id not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    Team.objects.select_for_update(no_key=True).get(pk=job.team_id)
    return Import.objects.select_for_update(no_key=True).get(pk=job.pk)


def heading_of(text: str) -> tuple[str, str]:
    """Cut the first line off that is not empty."""
    lines = reading.lines_of(text)
    for place, line in enumerate(lines):
        if line.strip():
            return line, "".join(lines[place + 1 :])
    raise DataError("is empty", where="text")


def _kept(row: reading.RawRow, lines: int) -> tuple[int, str, str]:
    """Return line, text and refusal of a row; what holds media is not kept."""
    try:
        require_text(row.text, "row")
    except DataError as error:
        return row.line + lines, "", error.message
    return row.line + lines, row.text, ""


def _draft(job: Import, text: str) -> SightingDraft:
    """Return the draft of a row."""
    values = reading.values_of(job.form, text, job.columns, job.parted_by)
    if job.form == reading.CSV:
        values = {
            job.mapping[name]: value for name, value in values.items() if job.mapping.get(name)
        }
    return reading.draft_from(values, job.constants)


def _set_wrong(row: Row, error: ClewlineError) -> None:
    """Note why a row is not taken."""
    row.state, row.where = WRONG, str(error.where or "")[:120]
    row.problem, row.hint = error.message[:400], str(error.hint or "")[:400]


def _key(draft: SightingDraft) -> bytes:
    """Return by what a row is known when it comes again."""
    if not draft.report_ref:
        return records.check_of(draft, None)
    site = read_site_address(draft.url).canonical if draft.url else ""
    seen = draft.observed_at.isoformat()
    return index_of("import", json.dumps([draft.report_origin, draft.report_ref, site, seen]))


def _mark_known(
    job: Import, rows: Sequence[Row], made: Mapping[int, tuple[SightingDraft, Examined]]
) -> None:
    """Mark the rows that are recorded already: by an import, by hand, or earlier in this one."""
    new = [row for row in rows if row.state == NEW]
    keys = [row.key for row in new]
    there: dict[bytes, ImportKey] = {
        bytes(one.key): one
        for one in ImportKey.objects.filter(team=job.team_id, key__in=keys).select_related(
            "sighting"
        )
    }
    numbers = [one.sighting_id for one in there.values()]
    stands = set(
        Sighting.objects.filter(pk__in=numbers, withdrawal=None).values_list("pk", flat=True)
    )
    refs = {draft.report_ref for draft, _ in made.values() if draft.report_ref}
    by_hand = {
        (one.report_ref, bytes(one.url_index or b""), one.observed_at): one.ref
        for one in Sighting.objects.filter(team=job.team_id, report_ref__in=refs).standing()
    }
    earlier = {
        bytes(key or b""): (number, bytes(said or b""))
        for key, number, said in Row.objects.filter(
            job=job, key__in=keys, number__lt=rows[0].number, state__in=(NEW, RECORDED)
        ).values_list("key", "number", "check_index")
    }
    for row in new:
        draft, (sighting, _, _) = made[row.number]
        key, said = bytes(row.key or b""), bytes(row.check_index or b"")
        known, before = there.get(key), earlier.get(key)
        named = (draft.report_ref, bytes(sighting.url_index or b""), draft.observed_at)
        if known is not None and known.sighting_id in stands:
            same, name = bytes(known.check_index) == said, known.sighting.ref
        elif draft.report_ref and named in by_hand:
            same, name = True, by_hand[named]
        elif before is not None:
            same, name = before[1] == said, f"row {before[0]}"
        else:
            earlier[key] = row.number, said
            continue
        row.state = KNOWN if same else WRONG
        row.problem = f"is recorded already: {name}" if same else f"differs from {name}"
        row.hint = "" if same else "correct that record; a row is recorded once"
