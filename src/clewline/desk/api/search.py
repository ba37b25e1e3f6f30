"""What is known of addresses, transactions, sites, contacts, codenames: one question or many."""

from __future__ import annotations

from ninja import Router

from clewline.desk.api.schemas import ERRORS, AnswerOut, HitOut, QuestionsIn
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest
from clewline.desk.search.queries import Answer, answer
from clewline.desk.search.reading import read

router = Router(tags=["search"])


@router.post("/search", response={200: list[AnswerOut], **ERRORS})
@scope("search.read")
def search(request: DeskRequest, asked: QuestionsIn) -> list[AnswerOut]:
    """Answer whole identifiers, in their order; what is unknown looks as what others know."""
    questions = [read(text, whole=True) for text in asked.questions]
    request.audit_details = {"asked": [question.audited for question in questions]}
    return [_out(one) for one in answer(request.user, questions)]


def _out(found: Answer) -> AnswerOut:
    """Return an answer without what is sealed: of a site or contact only its fingerprint."""
    return AnswerOut(
        asked=found.question.shown,
        kind=found.question.kind,
        known=found.known,
        hits=[
            HitOut(
                kind=hit.kind,
                name=hit.name,
                note=hit.note,
                sightings=hit.tally.count,
                first=hit.tally.first,
                last=hit.tally.last,
                brands=list(hit.brands),
                labels=list(hit.labels),
                cases=list(hit.cases),
                status=hit.status,
                chain=hit.chain.words,
            )
            for hit in found.hits
        ],
    )
