"""What the page of searching asks."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clewline.desk.search.reading import LONGEST, MOST


class SearchForm(forms.Form):
    """One question, or a list with one on each line."""

    q = forms.CharField(required=False, max_length=LONGEST, strip=True)
    lines = forms.CharField(
        label=gettext_lazy("A list, one on each line"),
        required=False,
        max_length=MOST * (LONGEST + 2),
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Up to 1,000 whole addresses, transactions, references, site addresses, contacts, "
            "codenames or report numbers. Each is answered in its row."
        ),
    )

    def clean_lines(self) -> list[str]:
        """Return the lines that say something."""
        lines = [line.strip() for line in self.cleaned_data["lines"].splitlines()]
        asked = [line for line in lines if line]
        if len(asked) > MOST:
            raise ValidationError(
                _("%(count)d lines; %(most)d are allowed."),
                params={"count": len(asked), "most": MOST},
            )
        long = next((number for number, line in enumerate(asked, 1) if len(line) > LONGEST), None)
        if long is not None:
            raise ValidationError(
                _("Line %(line)d has more than %(most)d characters."),
                params={"line": long, "most": LONGEST},
            )
        return asked
