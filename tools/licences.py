"""Refuse a dependency whose licence Clewline cannot ship with.

Reads the metadata of every distribution installed in this environment. A licence is taken from
`License-Expression` (PEP 639), else from the classifiers, else from the `License` field.
`OR` needs one allowed side, `AND` both. Several classifiers are read as `AND`.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distributions

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MPL-2.0",
        "PSF-2.0",
        "Public-Domain",
        "Unlicense",
        "Zlib",
    }
)

# Older metadata, in the words of its classifier or of its `License` field.
NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Public Domain": "Public-Domain",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}

# Distribution → why its licence is fine all the same. LGPL is listed here or refused.
EXCEPTIONS = {
    "axe-playwright-python": "MIT by its repository, not by its metadata; for tests only; "
    "holds axe-core (MPL-2.0)",
    "cpe": "LGPL, unmodified; comes with stix2-validator, for tests only",
    "cffi": "MIT-0: MIT without the duty to name it",
    "psycopg": "LGPL, unmodified, reached by its interface only",
    "psycopg-binary": "LGPL, unmodified, reached by its interface only",
    "qrcode": "BSD; the second classifier is about the word 'QR Code', a trade mark",
    "docutils": "public domain but for an Emacs mode (GPL) that no wheel holds; "
    "comes with numpydoc, for development only",
}


def licence_of(distribution: Distribution) -> str:
    """Return the licence expression of one distribution, in SPDX terms where they are known."""
    metadata = distribution.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    prefix = "License :: "
    classifiers = [
        classifier.rsplit(" :: ", 1)[-1]
        for classifier in metadata.get_all("Classifier") or ()
        if classifier.startswith(prefix) and classifier != "License :: OSI Approved"
    ]
    if classifiers:
        return " AND ".join(NAMES.get(name, name) for name in classifiers)
    text = metadata["License"].strip() if "License" in metadata else ""
    first_line = text.splitlines()[0] if text else "none stated"
    return NAMES.get(first_line, first_line)


def is_allowed(expression: str) -> bool:
    """Tell whether an SPDX expression can be met with allowed licences only.

    Examples
    --------
    >>> is_allowed("MIT OR GPL-3.0-only"), is_allowed("MIT AND GPL-3.0-only")
    (True, False)
    """
    # SPDX: AND binds tighter than OR; brackets are taken from the inside out.
    while match := re.search(r"\(((?:[^()]*\b(?:AND|OR|WITH)\b)[^()]*)\)", expression):
        inner = "MIT" if is_allowed(match[1]) else "refused"
        expression = expression[: match.start()] + inner + expression[match.end() :]
    return any(
        all(part.strip() in ALLOWED for part in side.split(" AND "))
        for side in expression.split(" OR ")
    )


def main() -> int:
    """Print every refused distribution; return 1 if there is one."""
    refused = 0
    checked = 0
    for distribution in sorted(distributions(), key=lambda found: found.metadata["Name"].lower()):
        name, expression = distribution.metadata["Name"], licence_of(distribution)
        checked += 1
        if name not in EXCEPTIONS and not is_allowed(expression):
            print(f"{name} {distribution.version}: {expression} is not allowed", file=sys.stderr)
            refused += 1
    print(f"licences: {checked} distributions, {refused} refused")
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main())
