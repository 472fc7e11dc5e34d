"""The keys of one log: the one in use, those that sign beside it for a while, those that did once.

Rotated, a log's checkpoints bear two signatures for 30 days, so that whoever pins the old key has
that long to pin the new one; a `key` entry, under the old signature, says that the new one is the
log's. Sections 2.2 and 6 of the log's specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import Verifier, checkpoint_text, sign_note
from gateway.audit.fault import AuditError

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.audit.checkpoint import Checkpoint, Signer


@dataclass(frozen=True, slots=True)
class Signers:
    """The keys of one log, all under the name of its origin.

    Attributes:
        signer: The one in use.
        retiring: Those that another took the place of, and that still sign.
        retired: Those that sign no more: what they signed is still this log's.
    """

    signer: Signer
    retiring: tuple[Signer, ...] = ()
    retired: tuple[Verifier, ...] = ()

    @property
    def name(self) -> str:
        """The log's origin."""
        return self.signer.name

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Every key whose signature makes a checkpoint this log's, the one in use first."""
        return (self.signer.verifier, *(one.verifier for one in self.retiring), *self.retired)

    def of_log(self, told: Collection[str]) -> Signers:
        """Return the keys that a log told of, by their vkeys, beside the one in use.

        After an incident a key may sign one log and be another's no more: whoever stole it must
        not speak for the log that follows.
        """
        return Signers(
            self.signer,
            tuple(one for one in self.retiring if one.vkey in told),
            tuple(one for one in self.retired if one.vkey in told),
        )

    def note(self, checkpoint: Checkpoint) -> str:
        """Return the signed checkpoint, a line for each key that signs."""
        return sign_note(checkpoint_text(checkpoint), self.signer, *self.retiring)


def pinned(text: str) -> tuple[Verifier, ...]:
    """Return the keys that a text of vkeys pins, one at least, with blanks or line ends between.

    Two while a log's key is being rotated: a checkpoint is believed when one of them signed it and
    no other of them signed it wrongly.

    Raises:
        AuditError: `key-unknown`: there is none, one is no vkey, or they are of several names.
    """
    found = tuple(Verifier.from_vkey(one) for one in text.split())
    if len({one.name for one in found}) != 1:
        raise AuditError("key-unknown", "vkeys of one log are pinned, one at least")
    return found
