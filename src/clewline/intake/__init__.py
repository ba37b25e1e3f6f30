"""Intake: addresses of any chain in text that somebody pasted. Text only, no file, no network.

`read_address` says what one text may be; `find` finds addresses in running text, also where they
are broken, encoded or mistyped. Which chains and kinds there are is `registry.KINDS`.
"""

from clewline.intake.finding import Finding, find
from clewline.intake.page import read_page
from clewline.intake.proposal import (
    Certainty,
    Detail,
    PageReading,
    PaymentOption,
    Proposal,
    ProposalKind,
)
from clewline.intake.reading import Reading, read_address

__all__ = [
    "Certainty",
    "Detail",
    "Finding",
    "PageReading",
    "PaymentOption",
    "Proposal",
    "ProposalKind",
    "Reading",
    "find",
    "read_address",
    "read_page",
]
