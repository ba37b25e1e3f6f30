"""Write the desk's translation file anew, or say that it is out of date (``--check``).

Every text of templates and code goes into ``locale/en/LC_MESSAGES/django.po``, from which a
translation into another language starts. Needs gettext (Debian: apt-get install gettext).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

DESK = Path(__file__).parents[1] / "src" / "clewline" / "desk"
_HEADER = r"""# The texts of the desk; a translation begins with a copy of this file.
msgid ""
msgstr ""
"Language: en\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

"""
PO = Path("locale/en/LC_MESSAGES/django.po")


def collect(desk: Path) -> str:
    """Return the translation file of the texts under `desk`; dates are left out of it."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "desk"
        ignored = shutil.ignore_patterns("__pycache__", "migrations", "static")
        shutil.copytree(desk, copy, ignore=ignored)
        (copy / "locale").mkdir(exist_ok=True)
        # The words of fields are data; here they are written as code for gettext to find.
        (copy / "words.py").write_text(_words())
        before = Path.cwd()
        os.chdir(copy)
        try:
            call_command("makemessages", locale=["en"], no_location=True, no_wrap=True, verbosity=0)
        finally:
            os.chdir(before)
        text = (copy / PO).read_text(encoding="utf-8")
    # gettext's own header has dates and empty fields.
    return _HEADER + text.split("\n\n", 1)[1]


def _words() -> str:
    """Return the titles of fields and their words as calls of gettext."""
    from clewline.vocab import record_fields

    titles = [
        title
        for field in record_fields().values()
        for title in (field.title, *field.words.values())
    ]
    return "".join(f"_({title!r})\n" for title in dict.fromkeys(titles))


def main(check: bool) -> int:  # noqa: FBT001 - the one argument of the command
    """Write the file, or compare it; return 1 if it is out of date."""
    if not settings.configured:
        settings.configure(USE_I18N=True, LOCALE_PATHS=[])
        django.setup()
    text, file = collect(DESK), DESK / PO
    if check:
        return int(not file.exists() or file.read_text(encoding="utf-8") != text)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    stale = main("--check" in sys.argv)
    if stale:
        sys.stderr.write("messages: out of date; run make messages\n")
    sys.exit(stale)
