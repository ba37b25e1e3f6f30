"""The REST API: what a program may do with a token, through the same door as a person.

No sealed field is in any answer, and nothing is revealed by a token.
"""

from clewline.desk.api.app import api, operations

__all__ = ["api", "operations"]
