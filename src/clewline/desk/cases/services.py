"""Every change of a case: who may know of it, what belongs to it, what was noted."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from clewline.desk.accounts.models import Team, User
from clewline.desk.addresses.services import address_row
from clewline.desk.cases.models import (
    CLOSED,
    OUTCOMES,
    STATES,
    Case,
    FileEntry,
    Handover,
    HandoverAnswer,
    Link,
    Member,
    Note,
    StateChange,
    Task,
    TaskEnd,
)
from clewline.desk.ledger import new_reference
from clewline.desk.records.models import Address, Brand, Sighting
from clewline.desk.records.plain_text import require_text
from clewline.desk.roles import Role
from clewline.desk.search.reading import read
from clewline.errors import UsageError

LARGEST_FILE: Final = 1 << 50
_SHA256: Final = re.compile("[0-9a-f]{64}")


@transaction.atomic
def open_case(
    user: User, team: Team, codename: str, title: str, legal_basis: str, *, sealed: bool = True
) -> Case:
    """Open a case under a codename; who opens it owns it and is its first member.

    Raises
    ------
    UsageError
        If the team is none of theirs.
    DataError
        If a text holds media or binary.
    """
    if team.pk not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    for field, text in (("codename", codename), ("title", title), ("legal basis", legal_basis)):
        require_text(text, field)
    case = Case(
        ref=new_reference(Case.LETTER),
        team=team,
        codename=" ".join(codename.split()),
        legal_basis=legal_basis,
        owner=user,
        sealed=sealed,
    )
    case.seal("title", title)
    case.save()
    Member.objects.create(case=case, user=user, by=user, why="opened the case")
    return case


def require_open(case: Case) -> None:
    """Refuse to add to a closed case.

    Raises
    ------
    UsageError
        If it is closed.
    """
    if case.state == CLOSED:
        raise UsageError("this case is closed", where="case", hint="its owner may open it again")


def may_join(case: Case) -> list[User]:
    """Return those of the case's team who are no members and whose roles let them read cases."""
    there = case.members.filter(until__isnull=True).values("user")
    people = User.objects.filter(teams=case.team, is_active=True).exclude(pk__in=there)
    return [one for one in people.order_by("pseudonym") if one.may("case.read")]


@transaction.atomic
def add_member(user: User, case: Case, person: User, why: str) -> Member:
    """Let somebody of the case's team know of it.

    Raises
    ------
    UsageError
        If they are a member, not of the team, or their roles do not let them read cases.
    """
    require_text(why, "reason")
    require_open(case)
    if person not in may_join(case):
        raise UsageError("nobody who could be added", where="member")
    return Member.objects.create(case=case, user=person, by=user, why=why)


@transaction.atomic
def remove_member(user: User, case: Case, person: User, why: str) -> None:
    """Take the knowledge of a case from somebody, at once.

    Raises
    ------
    UsageError
        If it is its owner, or no member.
    """
    require_text(why, "reason")
    if person.pk == case.owner_id:
        raise UsageError("the owner stays a member", where="member")
    removed = case.members.filter(user=person, until__isnull=True).update(
        until=timezone.now(), until_by=user, until_why=why
    )
    if not removed:
        raise UsageError("no member of this case", where="member")


@transaction.atomic
def link(user: User, case: Case, what: str, why: str) -> Link:
    """Add to a case what a text names: an address, a transaction, a sighting, a brand.

    Raises
    ------
    UsageError
        If it names nothing that the person may know of, or belongs to the case already.
    """
    question = read(what, whole=True)
    mine = {
        "sighting": Sighting.objects.visible_to(user).filter(ref=question.reference or None),
        "brand": Brand.objects.visible_to(user).filter(ref=question.reference or None),
    }
    for field, rows in mine.items():
        if (record := rows.first()) is not None:
            return _link(user, case, why, **{field: record})
    if question.readings:
        one = question.readings[0]
        return link_address(user, case, address_row((one.chain, one.network, one.canonical)), why)
    if question.txid:
        return _link(user, case, why, txid=question.txid)
    raise UsageError(
        "names no address, transaction, sighting or brand that you may know of",
        where="what to add",
        hint="a whole address, 64 hex digits, or a reference such as S-7K3M2-92QDX",
    )


@transaction.atomic
def link_address(user: User, case: Case, address: Address, why: str) -> Link:
    """Add an address to a case."""
    return _link(user, case, why, address=address)


def name_of(link: Link) -> str:
    """Return what a link leads to, as the audit log names it."""
    for record in (link.sighting, link.brand):
        if record is not None:
            return record.ref
    return link.address.canonical if link.address is not None else link.txid


def _link(user: User, case: Case, why: str, **what: Address | Sighting | Brand | str) -> Link:
    """Write a link, once."""
    require_text(why, "why")
    require_open(case)
    if case.links.filter(**what).exists():
        raise UsageError("belongs to this case already", where="what to add")
    return Link.objects.create(case=case, by=user, why=why, **what)


@transaction.atomic
def add_note(user: User, case: Case, text: str) -> Note:
    """Write a note, sealed with the case's key.

    Raises
    ------
    DataError
        If the text holds media or binary.
    """
    require_text(text, "note")
    require_open(case)
    note = Note(ref=new_reference(Note.LETTER), case=case, by=user, key_id=case.key_id)
    note.seal("text", text)
    note.save()
    return note


@transaction.atomic
def change_state(user: User, case: Case, state: str, why: str) -> StateChange:
    """Open a case again, let it rest, or close it.

    Raises
    ------
    UsageError
        If it is in that state already, or there is no such state.
    """
    require_text(why, "reason")
    if state not in STATES:
        raise UsageError("no such state", where="state", hint=f"one of: {', '.join(STATES)}")
    current = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    if current.state == state:
        raise UsageError(f"this case is {state} already", where="state")
    change = StateChange.objects.create(case=case, state=state, why=why, by=user)
    case.state, case.closed_at = state, change.at if state == CLOSED else None
    case.save(update_fields=["state", "closed_at"])
    return change


def may_own(case: Case) -> list[User]:
    """Return the present members, but for the owner, whose roles let them own a case."""
    there = case.members.filter(until__isnull=True).exclude(user=case.owner_id)
    people = User.objects.filter(pk__in=there.values("user"), teams=case.team, is_active=True)
    return [one for one in people.order_by("pseudonym") if one.may("case.open")]


def pending_handover(case: Case) -> Handover | None:
    """Return the hand-over that waits for an answer."""
    return case.handovers.filter(answer__isnull=True).select_related("to", "by").first()


@transaction.atomic
def hand_over(user: User, case: Case, to: User, why: str) -> Handover:
    """Offer a case to another member; it is theirs once a second person agrees.

    Raises
    ------
    UsageError
        If `user` neither owns the case nor approves, the other could not own it, or an earlier
        offer waits.
    """
    require_text(why, "reason")
    if user.pk != case.owner_id and Role.APPROVER not in user.roles:
        raise UsageError("the owner hands a case over, or an approver who is a member")
    if to not in may_own(case):
        raise UsageError("no member who could own it", where="to")
    if pending_handover(case) is not None:
        raise UsageError("an earlier offer waits for its answer", where="to")
    return Handover.objects.create(case=case, to=to, why=why, by=user)


def may_agree(user: User, handover: Handover) -> bool:
    """Tell whether somebody may agree: who gets the case, or an approver; never who offered it."""
    return user.pk != handover.by_id and (user.pk == handover.to_id or Role.APPROVER in user.roles)


@transaction.atomic
def answer_handover(user: User, case: Case, *, accepted: bool) -> HandoverAnswer:
    """Agree to the hand-over that waits, or refuse it; who offered may take it back.

    Raises
    ------
    UsageError
        If none waits, or it is not theirs to answer.
    """
    handover = pending_handover(case)
    if handover is None:
        raise UsageError("no hand-over waits", where="hand-over")
    if not may_agree(user, handover) and (accepted or user.pk != handover.by_id):
        raise UsageError("not yours to answer", where="hand-over")
    if accepted and handover.to not in may_own(case):
        raise UsageError("could no longer own it", where="hand-over")
    try:
        with transaction.atomic():
            said = HandoverAnswer.objects.create(handover=handover, accepted=accepted, by=user)
    except IntegrityError:
        raise UsageError("somebody answered meanwhile", where="hand-over") from None
    if accepted:
        case.owner = handover.to
        case.save(update_fields=["owner"])
    return said


def present_members(case: Case) -> list[User]:
    """Return who may know of a case now."""
    there = case.members.filter(until__isnull=True).values("user")
    people = User.objects.filter(pk__in=there, teams=case.team, is_active=True)
    return list(people.order_by("pseudonym"))


@transaction.atomic
def add_task(user: User, case: Case, text: str, owner: User, due: date | None = None) -> Task:
    """Give a member something to do.

    Raises
    ------
    UsageError
        If they are no member, or the case is closed.
    DataError
        If the text holds media or binary.
    """
    require_text(text, "task")
    require_open(case)
    if owner not in present_members(case):
        raise UsageError("no member of this case", where="owner")
    return Task.objects.create(case=case, text=text, owner=owner, due=due, by=user)


@transaction.atomic
def end_task(user: User, task: Task, outcome: str) -> TaskEnd:
    """Say that a task is done, or dropped.

    Raises
    ------
    UsageError
        If it ended already.
    """
    if outcome not in OUTCOMES:
        raise UsageError("done or dropped", where="outcome")
    try:
        with transaction.atomic():
            return TaskEnd.objects.create(task=task, outcome=outcome, by=user)
    except IntegrityError:
        raise UsageError("this task has ended already", where="task") from None


@transaction.atomic
def describe_file(
    user: User, case: Case, *, name: str, sha256: str, size: int, place: str, about: str = ""
) -> FileEntry:
    """Note a file that lies elsewhere: its name, SHA-256, size in bytes and place, as typed in.

    Raises
    ------
    UsageError
        If the hash or the size cannot be, or the file is noted already.
    DataError
        If a text holds media or binary.
    """
    for field, text in (("name", name), ("place", place), ("about", about)):
        require_text(text, field)
    require_open(case)
    digest = sha256.strip().lower()
    if not _SHA256.fullmatch(digest):
        raise UsageError("a SHA-256 has 64 hex digits", where="sha256")
    if not 0 <= size <= LARGEST_FILE:
        raise UsageError(f"from 0 to {LARGEST_FILE} bytes", where="size")
    if case.file_entries.filter(sha256=digest, name=name, place=place).exists():
        raise UsageError("noted already", where="sha256")
    return FileEntry.objects.create(
        case=case, name=name, sha256=digest, size=size, place=place, about=about, by=user
    )
