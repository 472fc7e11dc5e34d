"""Whoever withdraws while an exchange runs is in no chunk that is released afterwards.

People are asked about when their rows are read (`batches.consented`); between that and the release
others' rows are masked, logged and sent, at the pace of a slow recipient. So the register is asked
once more, at the last instant before the entry is put in line.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from gateway.broker.chunks import without
from gateway.errors import BusyError, Reason, ReleaseError

if TYPE_CHECKING:
    from gateway.plan.ops import Plan
    from gateway.ports import Consent, Ready
    from gateway.values import Form

AGAIN_S: Final = 1.0


class Withdrawn:
    """Leaves out of an exchange's chunks whoever withdrew since it began.

    Of a table nobody is left out: it counts who consented when their rows were read.

    Args:
        plan: Of the exchange.
        consent: The register.
        form: How chunks are written.
    """

    def __init__(self, plan: Plan, consent: Consent, form: Form) -> None:
        self._register = plan.register if plan.group is None else None
        self._classes = plan.classes is not None
        self._consent = consent
        self._form = form
        self._rows = self._since = 0

    def begin(self) -> None:
        """Take note of the last word, before anybody is asked about: later ones are asked for.

        Raises:
            SourceError: `CONSENT_UNAVAILABLE`: the register cannot be asked.
        """
        if self._register is not None:
            self._since = self._consent.mark()

    def without(self, ready: Ready) -> Ready:
        """Return a chunk without their rows; what follows moves up.

        Raises:
            BusyError: `BUSY`: consents changed, and of records in classes none can be left out: a
                class might then be too small.
            ReleaseError: The engine did not say whom the rows are about.
            SourceError: `CONSENT_UNAVAILABLE`: the register cannot be asked.
        """
        if self._register is None:
            return ready
        if self._classes:
            if self._consent.mark() != self._since:
                message = "consents changed while classes were formed: ask again"
                raise BusyError(Reason.BUSY, message, retry_after_s=AGAIN_S)
            return ready
        chunk = dataclasses.replace(ready.chunk, offset=ready.chunk.offset - self._rows)
        ready = dataclasses.replace(ready, chunk=chunk)
        if not chunk.row_count:
            return ready
        if ready.people is None or ready.people.num_rows != chunk.row_count:
            message = "records of nobody under a plan that asks for consent"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
        gone = self._consent.withdrew(self._register, ready.people, self._since)
        self._rows += sum(gone)
        return without(ready, self._form, gone) if any(gone) else ready
