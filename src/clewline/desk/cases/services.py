"""Every change of a case: who may know of it, what belongs to it, what was noted."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clewline.desk.accounts.models import Team, User
from clewline.desk.addresses.services import address_row
from clewline.desk.cases.models import Case, Link, Member, Note
from clewline.desk.ledger import new_reference
from clewline.desk.records.models import Address, Brand, Sighting
from clewline.desk.records.plain_text import require_text
from clewline.desk.search.reading import read
from clewline.errors import UsageError


@transaction.atomic
def open_case(user: User, team: Team, codename: str, title: str, legal_basis: str) -> Case:
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
    )
    case.seal("title", title)
    case.save()
    Member.objects.create(case=case, user=user, by=user, why="opened the case")
    return case


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
    note = Note(ref=new_reference(Note.LETTER), case=case, by=user, key_id=case.key_id)
    note.seal("text", text)
    note.save()
    return note
