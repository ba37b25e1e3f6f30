"""Intake: addresses of any chain in text that somebody pasted. Text only, no file, no network.

`read_address` says what one text may be; `find` finds addresses in running text, also where they
are broken, encoded or mistyped. Which chains and kinds there are is `registry.KINDS`.
"""

from clewline.intake.finding import Finding, find
from clewline.intake.reading import Reading, read_address

__all__ = ["Finding", "Reading", "find", "read_address"]
