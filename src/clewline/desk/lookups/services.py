"""Every change of look-ups: ask, call back, draft, release, acknowledge."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from clewline.desk.accounts.models import User
from clewline.desk.audit.anchors import public_hex
from clewline.desk.ledger import new_reference
from clewline.desk.lookups import answers
from clewline.desk.lookups.facts import Fact, Item, facts_of, moment
from clewline.desk.lookups.identifiers import read_identifiers
from clewline.desk.lookups.models import (
    Consent,
    Draft,
    LookUp,
    LookUpCall,
    OriginatorAsked,
    Receipt,
    Release,
    Revocation,
    Told,
)
from clewline.desk.partners.models import Partner
from clewline.desk.partners.policies import policy_of
from clewline.desk.partners.services import asker_of
from clewline.desk.records.plain_text import require_text
from clewline.desk.roles import Role
from clewline.desk.search.reading import Question
from clewline.errors import UsageError
from clewline.policy import Decision, Policy, Purpose, Verdict, decide

LONGEST_STANDING: Final = 366
"""Days that a look-up may stand."""


@dataclass(frozen=True)
class WeighedFact:
    """A fact and what the policy says of it."""

    question: Question
    fact: Fact
    decision: Decision


@transaction.atomic
def ask(user: User, *, identifiers: str, **fields: Any) -> LookUp:
    """Ask of exact identifiers, as somebody of a partner.

    Raises
    ------
    UsageError
        If `user` is nobody of an active partner; an identifier is none or there are too many; a
        date is over, or the look-up would stand too long; it is urgent without a reason.
    DataError
        If a text holds media or binary.
    """
    partner = user.partner
    if partner is None or partner.standing != "active":
        raise UsageError("your organisation cannot ask at present", hint="call the desk")
    questions = read_identifiers(identifiers)
    for name, text in fields.items():
        if isinstance(text, str):
            require_text(text, name)
    _require_dates(fields.get("expires_at"), fields.get("stands_until"))
    if fields.get("urgent") and not fields.get("urgent_reason"):
        raise UsageError("say why it is urgent", where="urgent_reason")
    sealed = {name: fields.pop(name, "") for name in ("requester", "necessity", "authoriser")}
    look_up = LookUp(
        ref=new_reference(LookUp.LETTER),
        team=partner.team,
        partner=partner,
        asked_by=user,
        **fields,
    )
    sealed["identifiers"] = json.dumps([question.text for question in questions])
    for name, text in sealed.items():
        look_up.seal(name, text)
    look_up.save()
    return look_up


def _require_dates(expires_at: date | None, stands_until: date | None) -> None:
    """Refuse what is over, and what would stand too long."""
    today = timezone.now().date()
    last = today + timedelta(days=LONGEST_STANDING)
    for name, day in (("expires_at", expires_at), ("stands_until", stands_until)):
        if day is not None and not today <= day <= last:
            raise UsageError(f"a day from today to {last}", where=name)


def questions_of(look_up: LookUp) -> list[Question]:
    """Return what was asked."""
    return read_identifiers("\n".join(json.loads(look_up.unseal("identifiers"))))


def log_call(user: User, look_up: LookUp, how: str, *, confirmed: bool) -> LookUpCall:
    """Log a call back to who asks."""
    require_text(how, "how")
    return LookUpCall.objects.create(look_up=look_up, how=how, confirmed=confirmed, by=user)


def is_verified(look_up: LookUp) -> bool:
    """Tell whether the latest call back confirmed who asks."""
    latest = look_up.calls.order_by("-id").first()
    return latest is not None and latest.confirmed


def weigh(look_up: LookUp, policy: Policy | None = None) -> list[WeighedFact]:
    """Hold everything that the team knows of what was asked against a policy; that in force."""
    asker = asker_of(look_up.partner, verified=is_verified(look_up))
    purpose = Purpose(look_up.purpose, look_up.legal_basis)
    policy = policy or policy_of(look_up.team.organisation_id)
    consents = {one.asked.source: one for one in consents_of(look_up)}
    weighed = []
    for question in questions_of(look_up):
        for fact in facts_of(look_up.team_id, question):
            decision = decide(policy, asker, purpose, fact.record)
            said = consents.get(fact.source)
            if said is not None:
                granted = said.granted and not hasattr(said, "revocation")
                decision = decision.with_consent(said.asked.fields, granted=granted)
            weighed.append(WeighedFact(question, fact, decision))
    return weighed


def consents_of(look_up: LookUp) -> list[Consent]:
    """Return what originators said of a look-up, the latest of a record last."""
    found = Consent.objects.filter(asked__look_up=look_up).select_related("asked", "revocation")
    return list(found.order_by("asked_id"))


def ask_originator(user: User, look_up: LookUp, source: str) -> OriginatorAsked:
    """Note that the originator of a record is asked for the fields that policy asks for.

    Whoever asks them does so apart from the desk, and says no more than is needed.

    Raises
    ------
    UsageError
        If policy asks for nothing of that record, or a question waits for its answer.
    """
    weighed = [one for one in weigh(look_up) if one.fact.source == source]
    fields = sorted({name for one in weighed for name in one.decision.of(Verdict.ASK)})
    if not fields:
        raise UsageError("policy asks for nothing of it", where=source[:40])
    if look_up.originators_asked.filter(source=source, consent__isnull=True).exists():
        raise UsageError("a question waits for its answer already", where=source)
    giver = weighed[0].fact.record.originator
    partner = Partner.objects.get(ref=giver) if giver else None
    return OriginatorAsked.objects.create(
        look_up=look_up, source=source, partner=partner, fields=fields, by=user
    )


def note_consent(user: User, asked: OriginatorAsked, *, granted: bool, how: str) -> Consent:
    """Write down what an originator said; once for each question.

    Raises
    ------
    UsageError
        If it was answered before.
    DataError
        If the text holds media or binary.
    """
    require_text(how, "how")
    try:
        with transaction.atomic():
            return Consent.objects.create(asked=asked, granted=granted, how=how, by=user)
    except IntegrityError:
        raise UsageError("answered already") from None


def revoke_consent(user: User, consent: Consent, how: str) -> Revocation:
    """Write down that an originator took its consent back.

    An answer that rests on it waits to be corrected.

    Raises
    ------
    UsageError
        If it did not agree, or took it back before.
    DataError
        If the text holds media or binary.
    """
    require_text(how, "how")
    if not consent.granted:
        raise UsageError("they did not agree", where=consent.asked.source)
    try:
        with transaction.atomic():
            return Revocation.objects.create(consent=consent, how=how, by=user)
    except IntegrityError:
        raise UsageError("taken back already", where=consent.asked.source) from None


def items_of(look_up: LookUp, weighed: list[WeighedFact]) -> list[dict[str, Any]]:
    """Return of each identifier the reply and what would be told: the least that policy gives."""
    made = []
    for question in questions_of(look_up):
        item = Item()
        for one in weighed:
            if one.question == question:
                item.add(one.fact, one.decision)
        fields = item.ordered()
        reply = answers.KNOWN if fields else answers.NOTHING
        made.append({"asked": question.shown, "reply": reply, "fields": fields})
    return made


@transaction.atomic
def draft(user: User, look_up: LookUp, note: str = "", *, differently: bool = False) -> Draft:
    """Prepare the answer that policy allows; `differently` asks the partner to ask otherwise.

    Known, unknown and withheld take the same way.

    Raises
    ------
    UsageError
        If nobody called back and was confirmed, a draft waits already, or it expired.
    """
    require_text(note, "note")
    if not is_verified(look_up):
        raise UsageError("call back first: who asks was not confirmed", where=look_up.ref)
    if waiting_draft(look_up) is not None:
        raise UsageError("a draft waits for a second person already", where=look_up.ref)
    if look_up.expires_at is not None and look_up.expires_at < timezone.now().date():
        raise UsageError("this request expired", where=look_up.ref)
    weighed = weigh(look_up)
    items = items_of(look_up, weighed)
    replies = {item["reply"] for item in items}
    reply = answers.KNOWN if answers.KNOWN in replies else answers.NOTHING
    if differently:
        reply, items, weighed = answers.DIFFERENTLY, [], []
    policy = policy_of(look_up.team.organisation_id)
    made = Draft(
        ref=new_reference(Draft.LETTER),
        look_up=look_up,
        key_id=look_up.key_id,
        reply=reply,
        policy=policy.id,
        note=note,
        by=user,
    )
    made.seal("items", json.dumps(items))
    made.seal("weighed", json.dumps([_inside(one) for one in weighed]))
    made.save()
    return made


def _inside(one: WeighedFact) -> dict[str, Any]:
    """Return what stays inside of a fact: from where it is, and what became of each field."""
    return {
        "source": one.fact.source,
        "asked": one.question.shown,
        "sighting": one.fact.sighting,
        "address": one.fact.address,
        "status": one.fact.record.status,
        "fields": {
            name: [str(said.verdict), said.rule, said.reason]
            for name, said in one.decision.fields.items()
        },
    }


def waiting_draft(look_up: LookUp) -> Draft | None:
    """Return the draft that nobody decided on yet."""
    return look_up.drafts.filter(release__isnull=True).order_by("-id").first()


def may_release(user: User, made: Draft) -> bool:
    """Tell whether `user` may release a draft: an approver of the team who did not make it."""
    return (
        user.is_active
        and Role.APPROVER in user.roles
        and made.look_up.team_id in user.team_ids
        and user.pk not in (made.by_id, made.look_up.asked_by_id)
        and not hasattr(made, "release")
    )


def release(user: User, made: Draft, *, released: bool, reason: str = "") -> Release:
    """Release a draft to the partner, signed; or send it back to its maker.

    Raises
    ------
    UsageError
        If it is not `user`'s to release, or what policy gives has changed since it was made.
    """
    require_text(reason, "reason")
    if not may_release(user, made):
        raise UsageError("a different person of the team releases, once", where=made.ref)
    look_up, items = made.look_up, json.loads(made.unseal("items"))
    weighed = weigh(look_up) if released and made.reply != answers.DIFFERENTLY else []
    if released and made.reply != answers.DIFFERENTLY and items_of(look_up, weighed) != items:
        raise UsageError("records or policy changed since: send it back, and draft anew")
    now = timezone.now()
    done = Release(
        draft=made, key_id=look_up.key_id, released=released, reason=reason, by=user, at=now
    )
    if released:
        content = answers.sign(
            signing_key(),
            {
                "request": look_up.ref,
                "partner": look_up.partner.ref,
                "case_ref": look_up.case_ref,
                "asked_at": moment(look_up.asked_at),
                "answered_at": moment(now),
                "reply": made.reply,
                "items": items,
                "corrects": _last_sha256(look_up),
                "note": answers.CLUE,
                "policy": made.policy,
            },
        )
        done.seal("deliverable", content.decode())
        done.sha256 = answers.digest(content)
    try:
        with transaction.atomic():
            done.save()
            Told.objects.bulk_create(
                Told(
                    release=done,
                    sighting_id=one.fact.sighting,
                    address_id=one.fact.address,
                    status=one.fact.record.status,
                )
                for one in weighed
                if one.decision.released
            )
    except IntegrityError:
        raise UsageError("somebody decided meanwhile", where=made.ref) from None
    return done


def acknowledge(user: User, look_up: LookUp) -> Receipt:
    """Acknowledge the latest answer, as somebody of the partner; once.

    Raises
    ------
    UsageError
        If there is no answer yet.
    """
    latest = latest_release(look_up)
    if latest is None:
        raise UsageError("there is no answer yet", where=look_up.ref)
    made, _ = Receipt.objects.get_or_create(release=latest, defaults={"by": user})
    return made


def latest_release(look_up: LookUp) -> Release | None:
    """Return the latest answer that was given out."""
    found = Release.objects.filter(draft__look_up=look_up, released=True)
    return found.select_related("draft").order_by("-id").first()


def signing_key() -> Ed25519PrivateKey:
    """Return the key with which this desk signs answers; it follows from the desk's root key."""
    seed = hmac.digest(settings.HOME.key("root"), b"clewline answers", hashlib.sha256)
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key() -> str:
    """Return its public half, hex: what partners verify answers with."""
    return public_hex(signing_key().public_key())


def _last_sha256(look_up: LookUp) -> str | None:
    """Return the hash of the answer that a new one replaces."""
    latest = latest_release(look_up)
    return latest.sha256 if latest is not None else None
