"""What a pasted page seems to say."""

from __future__ import annotations

from ninja import Router

from clewline.desk.api.schemas import ERRORS, PageIn, PageOut, ProposalOut
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest
from clewline.intake import read_page

router = Router(tags=["pages"])


@router.post("/read", response={200: PageOut, **ERRORS})
@scope("sighting.record")
def read(request: DeskRequest, page: PageIn) -> PageOut:
    """Read a page and store nothing."""
    request.audit_object = "page"
    found = read_page(page.source)
    return PageOut(
        hash=found.hash,
        is_html=found.is_html,
        refused=[str(refusal) for refusal in found.refused],
        proposals=[
            ProposalOut(
                kind=one.kind.value,
                value=one.value,
                start=one.start,
                end=one.end,
                place=one.place,
                certainty=one.certainty.value,
                reason=one.reason,
                details={
                    name: value if isinstance(value, str) else [str(part) for part in value]
                    for name, value in one.details.items()
                },
            )
            for one in found.proposals
        ],
    )
