"""Who may do what: one table of roles, one of actions. The permission door and the docs read both.

A role says what a person may do at all; which records, their teams and cases say (`ledger.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a person is at the desk."""

    ANALYST = "analyst"
    APPROVER = "approver"
    INVESTIGATOR = "investigator"
    LIAISON = "liaison"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    PARTNER = "partner"


ROLES: Final = {
    Role.ANALYST: "Records payment pages and judges which are one brand.",
    Role.APPROVER: "Checks what others prepared: releases, exports, roles.",
    Role.INVESTIGATOR: "Works on cases and reads what the chain store says.",
    Role.LIAISON: "Answers partners and reads what may be shared with them.",
    Role.AUDITOR: "Reads the audit log and nothing else.",
    Role.ADMINISTRATOR: "Manages accounts and the desk itself; reads no record.",
    Role.PARTNER: "Somebody of a partner: asks, and reads what their own organisation was told.",
}
"""Role → what it is for."""

ALONE: Final = frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.PARTNER})
"""Roles that go with no other: who runs or checks the desk, and who is of another house."""

EVERYBODY: Final = frozenset(Role)
WORKERS: Final = EVERYBODY - ALONE
"""Those who work with records."""


@dataclass(frozen=True)
class Action:
    """Something that can be done at the desk.

    Attributes
    ----------
    name : str
        Noun and verb; stands in the audit log and in the scopes of API tokens.
    help : str
        What it is, for people.
    roles : frozenset of Role
        Who may do it.
    writes : bool
        Whether it changes a record.
    """

    name: str
    help: str
    roles: frozenset[Role]
    writes: bool = False


def _action(name: str, text: str, roles: Iterable[Role], *, writes: bool = False) -> Action:
    """Make a row of the table."""
    return Action(name, text, frozenset(roles), writes)


_ADMINISTRATORS: Final = {Role.ADMINISTRATOR}
_AUDITORS: Final = {Role.AUDITOR}
_PEOPLE: Final = {Role.ADMINISTRATOR, Role.APPROVER, Role.AUDITOR}
_RECORDERS: Final = {Role.ANALYST}
_FINDERS: Final = {Role.ANALYST, Role.INVESTIGATOR}
_CASE_OWNERS: Final = {Role.INVESTIGATOR}
_CASE_READERS: Final = {Role.APPROVER, Role.INVESTIGATOR}
_READERS: Final = {Role.ANALYST, Role.APPROVER, Role.INVESTIGATOR}
_PARTNERS: Final = {Role.PARTNER}
_ANSWERERS: Final = {Role.LIAISON, Role.APPROVER}
_TELLERS: Final = {Role.ANALYST, Role.INVESTIGATOR, Role.LIAISON}
_SENDERS: Final = {Role.LIAISON, Role.APPROVER}
_DISPUTE_TAKERS: Final = {Role.ANALYST, Role.LIAISON}
_DISPUTE_READERS: Final = {*_DISPUTE_TAKERS, Role.APPROVER}
_KEEPERS: Final = {Role.LIAISON, Role.ADMINISTRATOR}

ACTIONS: Final = {
    action.name: action
    for action in (
        _action("home.read", "Open the first page", EVERYBODY),
        _action("audit.check", "Verify the audit log", _AUDITORS),
        _action("audit.export", "Take a copy of the audit log", _AUDITORS),
        _action("audit.read", "Read the audit log", _AUDITORS),
        _action("account.read", "See one's own account", EVERYBODY),
        _action("account.change", "Change one's own account", EVERYBODY, writes=True),
        _action("address.read", "Open the page of an address", WORKERS),
        _action("address.attribute", "Say who holds an address", _FINDERS, writes=True),
        _action("address.status", "Dispute or withdraw an address", _FINDERS, writes=True),
        _action("alert.list", "List alerts", WORKERS),
        _action("alert.read", "Open an alert: items, recipients, receipts", WORKERS),
        _action("alert.make", "Draft alerts, changes and withdrawals", _TELLERS, writes=True),
        _action("alert.decide", "Approve an alert or refuse it", {Role.APPROVER}, writes=True),
        _action("alert.retry", "Let what was given up be tried again", _SENDERS, writes=True),
        _action("brand.list", "List brands", WORKERS),
        _action("brand.read", "Open a brand or group; names stay sealed", WORKERS),
        _action("brand.create", "Make brands and groups", _RECORDERS, writes=True),
        _action("brand.judge", "Judge what is one brand or group", _FINDERS, writes=True),
        _action("brand.reveal", "Open the real name of a brand that was released to one", _READERS),
        _action("case.list", "List the cases that one is a member of", WORKERS),
        _action("case.read", "Open a case that one is a member of", WORKERS),
        _action("case.notes", "Read the notes of such a case", _READERS),
        _action("case.reveal", "Open the title of such a case, released to one", _READERS),
        _action("case.open", "Open a case", _CASE_OWNERS, writes=True),
        _action("case.members", "Say who may know of one's own case", _CASE_OWNERS, writes=True),
        _action("case.link", "Add records to such a case", _READERS, writes=True),
        _action("case.note", "Write notes in such a case", _READERS, writes=True),
        _action("case.task", "Set and end tasks in such a case", _READERS, writes=True),
        _action("case.file", "Note files of such a case by name and hash", _READERS, writes=True),
        _action(
            "case.state", "Open again, rest or close one's own case", _CASE_OWNERS, writes=True
        ),
        _action("case.handover", "Hand a case over, or agree to it", _CASE_READERS, writes=True),
        _action("channel.list", "See on which channels partners are told", _SENDERS),
        _action("channel.change", "Open and close channels, make keys", _SENDERS, writes=True),
        _action("dispute.list", "List disputes of listings", _DISPUTE_READERS),
        _action("dispute.read", "Open a dispute; who disputes stays sealed", _DISPUTE_READERS),
        _action("dispute.open", "Enter what anybody disputes", _DISPUTE_TAKERS, writes=True),
        _action(
            "dispute.take", "Say which address a dispute is about", _DISPUTE_TAKERS, writes=True
        ),
        _action("dispute.reveal", "Reveal who disputes, and on which grounds", _DISPUTE_READERS),
        _action("dispute.propose", "Propose the outcome", _DISPUTE_TAKERS, writes=True),
        _action("dispute.decide", "Decide a proposed outcome", {Role.APPROVER}, writes=True),
        _action("dispute.answer", "Note that it was answered", _DISPUTE_TAKERS, writes=True),
        _action("erasure.read", "Open a request to erase", _READERS),
        _action("erasure.ask", "Ask for a record to be erased", _READERS, writes=True),
        _action("erasure.decide", "Erase it, or refuse", {Role.APPROVER}, writes=True),
        _action("export.list", "List bulk exports", WORKERS),
        _action("export.read", "Open a bulk export", WORKERS),
        _action("export.ask", "Ask for a bulk export", WORKERS, writes=True),
        _action("export.decide", "Release or refuse it", {Role.APPROVER}, writes=True),
        _action("export.download", "Take the one copy", WORKERS, writes=True),
        _action("export.trace", "Tell from which copy rows come", _AUDITORS),
        _action("import.list", "List imports", _RECORDERS),
        _action("import.read", "Open an import: counts and wrong rows", _RECORDERS),
        _action("import.make", "Bring rows in and check them", _RECORDERS, writes=True),
        _action("import.record", "Record the rows of an import", _RECORDERS, writes=True),
        _action("import.undo", "Take an import back", _RECORDERS, writes=True),
        _action("lookup.list", "List look-ups", _ANSWERERS),
        _action("lookup.read", "Open a look-up", _ANSWERERS),
        _action("lookup.call", "Log a call back to who asks", {Role.LIAISON}, writes=True),
        _action("lookup.reveal", "Reveal who asks and who authorised it", _ANSWERERS),
        _action(
            "lookup.consent", "Ask originators and note their word", {Role.LIAISON}, writes=True
        ),
        _action("lookup.draft", "Draft an answer", {Role.LIAISON}, writes=True),
        _action("lookup.release", "Release an answer", {Role.APPROVER}, writes=True),
        _action("lookup.own", "Read what one's own organisation asked", _PARTNERS),
        _action("lookup.ask", "Ask of exact identifiers", _PARTNERS, writes=True),
        _action("lookup.acknowledge", "Acknowledge an answer", _PARTNERS, writes=True),
        _action("list.import", "Import a list of another tool into a case", _FINDERS, writes=True),
        _action("pack.take", "Take a request pack of a case", _CASE_READERS),
        _action("figures.read", "See what one's teams recorded, in numbers", WORKERS),
        _action("figures.export", "Take figures out, small counts withheld", WORKERS),
        _action("figures.publish", "Keep figures as published", {Role.APPROVER}, writes=True),
        _action("partner.list", "List partners", {*_KEEPERS, Role.APPROVER}),
        _action(
            "partner.read", "Open a partner; its name stays sealed", {*_KEEPERS, Role.APPROVER}
        ),
        _action("partner.keep", "Enter a partner and change its terms", _KEEPERS, writes=True),
        _action("partner.call", "Log a call back", {Role.LIAISON}, writes=True),
        _action("partner.decide", "Agree to a partner's terms", {Role.APPROVER}, writes=True),
        _action("partner.reveal", "Reveal its name and contact", {Role.LIAISON, Role.APPROVER}),
        _action("partner.account", "Make accounts of a partner", _ADMINISTRATORS, writes=True),
        _action("policy.read", "Read policies, and what another would change", _ANSWERERS),
        _action("policy.propose", "Propose another policy", _ANSWERERS, writes=True),
        _action("policy.decide", "Adopt a policy or turn it down", {Role.APPROVER}, writes=True),
        _action("received.list", "List files that partners gave", _TELLERS),
        _action("received.read", "Open such a file; it is in quarantine", _TELLERS),
        _action("received.review", "Use its items, or set them aside", _TELLERS, writes=True),
        _action("report.list", "List reports to hotlines and payment brands", WORKERS),
        _action("report.read", "Open a report: what is told, what became of it", WORKERS),
        _action("report.make", "Draft a report of a page", _TELLERS, writes=True),
        _action("report.decide", "Send a report or refuse it", {Role.APPROVER}, writes=True),
        _action("report.status", "Write down what a recipient said", _TELLERS, writes=True),
        _action("route.list", "See who answers for a country or brand", WORKERS),
        _action("route.change", "Propose who answers for it", {Role.LIAISON}, writes=True),
        _action("route.decide", "Agree to who answers for it", {Role.APPROVER}, writes=True),
        _action(
            "name.release",
            "Release real names to people, and revoke that",
            {Role.APPROVER, Role.INVESTIGATOR},
            writes=True,
        ),
        _action("ours.list", "See what one's teams marked as their own", _READERS),
        _action("ours.mark", "Mark payments as a team's own", _FINDERS, writes=True),
        _action("ours.take_back", "Take such a mark back", _FINDERS, writes=True),
        _action("ours.answer", "Let a package go that holds one", _READERS, writes=True),
        _action("queue.take", "Take an item of one's queue, or leave it", WORKERS, writes=True),
        _action("oncall.read", "See who is on call for one's teams", WORKERS),
        _action("oncall.change", "Keep the roster of those on call", _READERS, writes=True),
        _action(
            "overlap.list", "See enquiries of one's cases, overlaps of what one holds", _READERS
        ),
        _action("overlap.read", "Open an enquiry or an overlap", _READERS),
        _action(
            "overlap.ask", "Ask who else looks at addresses of a case", _CASE_OWNERS, writes=True
        ),
        _action(
            "overlap.decide", "Agree to an enquiry of one's case", {Role.APPROVER}, writes=True
        ),
        _action(
            "overlap.answer", "Say whether an asker may hear of an overlap", _FINDERS, writes=True
        ),
        _action("hold.set", "Hold a record or a case", _READERS, writes=True),
        _action("hold.lift", "Lift what another person held", {Role.APPROVER}, writes=True),
        _action("people.list", "See accounts, roles and teams", _PEOPLE),
        _action("people.change", "Make accounts, ask for roles", _ADMINISTRATORS, writes=True),
        _action("people.approve", "Agree to roles that others get", {Role.APPROVER}, writes=True),
        _action("request.answer", "Take in what an exchange answered", _FINDERS, writes=True),
        _action(
            "request.approve",
            "Approve or refuse what an exchange is asked",
            {Role.APPROVER},
            writes=True,
        ),
        _action("request.draft", "Draft what an exchange is asked", _CASE_OWNERS, writes=True),
        _action("request.reveal", "Reveal what an exchange answered", _READERS),
        _action("request.send", "Note that a request went out", _CASE_OWNERS, writes=True),
        _action("retention.list", "See what expires, and what was erased", _READERS),
        _action("retention.read", "See how long a record is kept", _READERS),
        _action("retention.period", "Ask for another period", _READERS, writes=True),
        _action("retention.approve", "Agree to a period", {Role.APPROVER}, writes=True),
        _action("row.review", "Judge a row of payers or cash-outs", _FINDERS, writes=True),
        _action("run.start", "Have payers and cash-outs computed", _CASE_OWNERS, writes=True),
        _action("search.read", "Search what one's teams and cases know", WORKERS),
        _action("sighting.list", "List sightings", WORKERS),
        _action("sighting.read", "Open a sighting; wording stays masked", WORKERS),
        _action("sighting.record", "Record a sighting", _RECORDERS, writes=True),
        _action("sighting.correct", "Supersede or withdraw a sighting", _RECORDERS, writes=True),
        _action("watch.list", "See what is watched on the chain", _READERS),
        _action("watch.read", "Open a watch and what it found", _READERS),
        _action("watch.make", "Watch an address, end a watch", _FINDERS, writes=True),
        _action("urgent.read", "Open urgent marks: a child may be at risk now", WORKERS),
        _action("urgent.raise", "Say that a child may be at risk now", _READERS, writes=True),
        _action("urgent.handle", "Acknowledge and close urgent marks", _READERS, writes=True),
        _action(
            "sighting.state", "Note that a page was reported or removed", _FINDERS, writes=True
        ),
        _action("welfare.read", "See one's own counts and protection", WORKERS),
        _action("welfare.change", "Ask for more protection", WORKERS, writes=True),
        _action("welfare.team", "See counts of a team, never content", {Role.APPROVER}),
        _action(
            "welfare.default", "Set the organisation's protection", {Role.APPROVER}, writes=True
        ),
        _action("sighting.reveal", "Reveal wording or address of a page", _READERS),
    )
}
"""Name → action."""


def allowed(roles: Iterable[str], action: Action) -> tuple[bool, str]:
    """Tell whether somebody with these roles may do this, and why.

    Returns
    -------
    tuple of bool and str
        Verdict and reason, in words for the person who asks.

    Examples
    --------
    >>> allowed(["administrator"], ACTIONS["sighting.reveal"])
    (False, 'for analyst, approver, investigator')
    """
    held = sorted(set(roles) & action.roles)
    if held:
        return True, f"as {held[0]}"
    return False, "for " + ", ".join(role for role in Role if role in action.roles)
