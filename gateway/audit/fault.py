"""What the exchange log's formats raise: one error, with the code of a finding.

It stands beside the tree of `gateway.errors`, not in it: nothing here is ever an answer to a
caller. Whoever writes the log turns it into `LogError`, whoever verifies it into a finding, and
whoever holds a receipt reads it.
"""

from __future__ import annotations

from dataclasses import dataclass


class AuditError(ValueError):
    """Bytes that are not what the log's specification says, or not what was signed.

    Attributes:
        code: The finding's code, of section 8 of the log's specification: `fork`, `schema`, ….
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a verifier found.

    Attributes:
        code: Of the table in section 8 of the log's specification.
        index: The first entry concerned, or -1 for the log as a whole.
        message: What is wrong, without a value of any entry.
    """

    code: str
    index: int
    message: str
