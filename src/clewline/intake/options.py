"""Which proposals of a page belong together: ways to pay. By nearness; pairs are not invented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clewline.intake.proposal import PaymentOption, Proposal, ProposalKind

_PAYABLE: Final = (ProposalKind.ADDRESS, ProposalKind.PAYMENT_URI)
_TERMS: Final = (ProposalKind.PRICE, ProposalKind.PERIOD, ProposalKind.TIER)


def options_of(text: str, proposals: Sequence[Proposal]) -> tuple[PaymentOption, ...]:
    """Return the ways to pay that a page seems to offer.

    Parameters
    ----------
    text : str
        What the page shows.
    proposals : sequence of Proposal
        In order of place.

    Returns
    -------
    tuple of PaymentOption
        In order of their first member.
    """
    terms = tuple(i for i, one in enumerate(proposals) if one.kind in _TERMS)
    return tuple(
        PaymentOption((i,), terms, "an address; the page's prices hold for all")
        for i, one in enumerate(proposals)
        if one.kind in _PAYABLE
    )
