"""Ask for a bulk export, release it, take the one copy, trace a copy."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from clewline import __version__
from clewline.desk.accounts.models import Team, User
from clewline.desk.exports import tables
from clewline.desk.exports.models import BulkExport, ExportCopy, ExportDecision
from clewline.desk.ours.checks import Release, check_release, release_of, require_open
from clewline.desk.records.models import Brand
from clewline.desk.roles import Role
from clewline.errors import UsageError

HOURS: Final = 1
"""How long an export may be taken once its release check let it go."""
MOST_ROWS: Final = 200_000


def ask(
    user: User,
    *,
    team: Team,
    what: str,
    recipient: str,
    purpose: str,
    brand: Brand | None = None,
    rail: str = "",
    since: date | None = None,
    until: date | None = None,
) -> BulkExport:
    """Ask for an export of records of one's own team.

    Raises
    ------
    UsageError
        If the team is another one's, or the brand another team's.
    """
    if team.pk not in user.team_ids or (brand is not None and brand.team_id != team.pk):
        raise UsageError("only records of a team of one's own are exported")
    return BulkExport.objects.create(
        team=team,
        asked_by=user,
        what=what,
        brand=brand,
        rail=rail,
        since=since,
        until=until,
        recipient=recipient,
        purpose=purpose,
    )


def may_decide(user: User, export: BulkExport) -> bool:
    """Tell whether `user` may release or refuse: an approver of the team who did not ask."""
    return (
        user.is_active
        and Role.APPROVER in user.roles
        and export.team_id in user.team_ids
        and export.asked_by_id != user.pk
        and not hasattr(export, "decision")
    )


def decide(user: User, export: BulkExport, *, released: bool, reason: str = "") -> ExportDecision:
    """Release an export or refuse it; a released one goes the way of every package (`ours`).

    Raises
    ------
    UsageError
        If it is not `user`'s to decide, or somebody did.
    """
    if not may_decide(user, export):
        raise UsageError("this export is not yours to decide, or decided already")
    try:
        with transaction.atomic():
            decision = ExportDecision.objects.create(
                export=export, by=user, released=released, reason=reason
            )
    except IntegrityError:
        raise UsageError("somebody decided meanwhile") from None
    if released:
        check_release(export.ref, export.team, tables.names_in(export))
    return decision


def state(export: BulkExport, release: Release | None = None) -> str:
    """Return what becomes of an export.

    One of: waiting (for an approver), refused, checked (on its way), held, stopped, released,
    expired, taken.

    Parameters
    ----------
    release : Release, optional
        How far it is, where that is known already.
    """
    if hasattr(export, "copy"):
        return "taken"
    decision = getattr(export, "decision", None)
    if decision is None:
        return "waiting"
    if not decision.released:
        return "refused"
    release = release or release_of(export.ref)
    if release.state != "open" or release.since is None:
        return {"held": "held", "refused": "stopped"}.get(release.state, "checked")
    return "released" if timezone.now() < release.since + timedelta(hours=HOURS) else "expired"


def ends_at(release: Release) -> datetime | None:
    """Return until when an export may be taken, where it may be."""
    return release.since + timedelta(hours=HOURS) if release.since else None


def take_copy(user: User, export: BulkExport) -> tuple[str, bytes]:
    """Make the one copy of a released export; return the name and bytes of a zip.

    Raises
    ------
    UsageError
        If somebody else asked for it, it is not released, the hour is over, it was taken, or
        has too many rows.
    """
    if export.asked_by_id != user.pk:
        raise UsageError("who asked takes the copy")
    if state(export) != "released":
        raise UsageError(f"this export is {state(export)}: a copy is taken once, within an hour")
    require_open(export.ref, tables.names_in(export))
    number = tables.options(export).count() + tables.sightings(export).count()
    if number > MOST_ROWS:
        raise UsageError(f"more than {MOST_ROWS} rows: ask for fewer")
    now, found = timezone.now(), tables.rows(export)
    files = {"rows.csv": tables.as_csv(found), "rows.jsonl": tables.as_lines(found)}
    manifest = _manifest(export, now, len(found), files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in {**files, "manifest.json": manifest}.items():
            # In UTC, as all times are; by itself a zip has the time of the machine's place.
            entry = zipfile.ZipInfo(name, now.timetuple()[:6])
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    content = out.getvalue()
    try:
        with transaction.atomic():
            ExportCopy.objects.create(
                export=export, at=now, rows=len(found), sha256=hashlib.sha256(content).hexdigest()
            )
    except IntegrityError:
        raise UsageError("the copy was taken meanwhile") from None
    return f"{export.ref}-{tables.copy_mark(export)}.zip", content


def _manifest(export: BulkExport, now: datetime, rows: int, files: dict[str, bytes]) -> bytes:
    """Return what a copy says of itself."""

    def moment(when: datetime) -> str:
        return when.astimezone(UTC).isoformat(timespec="seconds")

    decision = export.decision
    text = {
        "format": 1,
        "clewline": __version__,
        "copy": tables.copy_mark(export),
        "export": export.ref,
        "what": export.what,
        "filter": {
            "brand": export.brand.codename if export.brand else None,
            "rail": export.rail or None,
            "since": export.since.isoformat() if export.since else None,
            "until": export.until.isoformat() if export.until else None,
        },
        "left_out": "wording, addresses of pages and all else that is sealed; TLP red",
        "recipient": export.recipient,
        "purpose": export.purpose,
        "team": export.team.name,
        "asked": {"by": export.asked_by.pseudonym, "at": moment(export.asked_at)},
        "released": {"by": decision.by.pseudonym, "at": moment(decision.at)},
        "taken_at": moment(now),
        "rows": rows,
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        },
    }
    return (json.dumps(text, indent=1, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Traced:
    """A copy from which a text comes.

    Attributes
    ----------
    copy : ExportCopy
        The copy.
    rows : int
        References in the text that are of this copy.
    marked : bool
        Whether the text bears its mark.
    """

    copy: ExportCopy
    rows: int
    marked: bool


def trace(text: str) -> list[Traced]:
    """Name the copies from which a text comes, the one with most rows first.

    A few rows are enough, in any order and form, as long as their references stand in them. Every
    reference that a copy could hold is made again, so no list of them is kept.
    """
    seen = set(tables.REFERENCE.findall(text))
    found = []
    copies = ExportCopy.objects.select_related("export__team", "export__asked_by").order_by("at")
    for copy in copies:
        key, marked = tables.copy_key(copy.export), tables.copy_mark(copy.export) in text
        names: Any = tables.names_of(copy.export, copy.at) if seen else ()
        hits = {made for name in names if (made := tables.reference(key, name)) in seen}
        if hits or marked:
            found.append(Traced(copy, len(hits), marked))
    return sorted(found, key=lambda one: (-one.rows, not one.marked))


def text_of(content: bytes) -> str:
    """Return the text in which to look: a file's own, or that of what is in a zip."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content.decode(errors="replace")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [info for info in archive.infolist() if info.file_size <= _LARGEST_PART]
        try:
            return "\n".join(archive.read(part).decode(errors="replace") for part in parts)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise UsageError(f"is no zip that can be read: {error}") from None


_LARGEST_PART: Final = 512 << 20
