"""What whoever disputed is answered, as plain text: the same whether a listing stands or none is.

Neither text says that an address was listed, by which page, brand or partner, or who was told.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from clewline.desk.disputes.models import REJECTED, Dispute


def text_of(dispute: Dispute, outcome: str) -> str:
    """Return the answer to a decided dispute.

    Parameters
    ----------
    dispute : Dispute
        Which; reference and day of receipt are all that is taken from it.
    outcome : str
        As decided. Only whether anything was changed is told, and no reason.
    """
    said = (
        _("No change was made.")
        if outcome == REJECTED
        else _(
            "What was recorded is withdrawn or corrected, and whoever was told of it by us "
            "is told so, too."
        )
    )
    words = {"ref": dispute.ref, "day": dispute.received_on.isoformat()}
    return "\n\n".join(
        (
            _("Your dispute %(ref)s, received on %(day)s") % words,
            _("Two people examined your dispute, one after the other.") + " " + said,
            _(
                "Whether an address is or was recorded here is confirmed to nobody by this "
                "answer, and it says nothing about any person."
            ),
            _(
                "If you do not agree, answer under this reference and say what we should look at "
                "again. You can also turn to the data protection authority that is responsible "
                "for you."
            ),
        )
    )
