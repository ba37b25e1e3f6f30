"""Parts of long lists: newest first, behind the one at which the part before ended."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404

Row = TypeVar("Row", bound=Model)


def newest(
    rows: QuerySet[Row], limit: int, after: str, ref: str = "ref"
) -> tuple[list[Row], str | None]:
    """Return some rows, newest first, and the reference behind which it goes on.

    Parameters
    ----------
    rows : QuerySet
        What somebody may know of; its rows have a reference.
    limit : int
        How many at most.
    after : str
        Reference of the last one of the part before; nothing for the first part.
    ref : str, optional
        The column that has the reference.

    Returns
    -------
    list of Row
        By number, falling.
    str or None
        Reference of the last one, None if nothing comes behind it.

    Raises
    ------
    Http404
        If `after` names nothing that somebody may know of.

    Examples
    --------
    ``newest(Mark.objects.visible_to(user), 50, "")``
    """
    if after:
        last = rows.filter(**{ref: after}).values_list("pk", flat=True).first()
        if last is None:
            raise Http404
        rows = rows.filter(pk__lt=last)
    some: list[Any] = list(rows.order_by("-pk")[: limit + 1])
    return some[:limit], getattr(some[limit - 1], ref) if len(some) > limit else None
