"""Whether an exchange that was granted still is: asked before each chunk, and while it waits.

An exchange was decided once, by one text of one agreement under one floor. A suspension, a new
text, a prohibition, a floor that rises over it or the end of a term that comes while it runs ends
it: what has not left yet never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.decide import Refusal, Standing, decide
from gateway.errors import Reason, RefusedError

if TYPE_CHECKING:
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.ports import Clock, Library
    from gateway.values import Request

RETRY_S: Final = 1.0


class Stands:
    """One granted exchange beside the agreements in force.

    Args:
        library: The agreements in force, now and later.
        clock: This instant, now and later.
        agreements: The set by which it was granted.
        request: What was asked.
        rule: The provision by which it was granted.
        exchange_id: Its id, which a refusal carries.
    """

    def __init__(
        self,
        library: Library,
        clock: Clock,
        agreements: Agreements,
        request: Request,
        rule: FlowRule,
        exchange_id: str,
    ) -> None:
        self._library = library
        self._clock = clock
        self._agreements = agreements
        self._request = request
        self._rule = rule
        self._exchange_id = exchange_id

    def check(self) -> None:
        """Return where it would be granted again, and as much; it costs next to nothing.

        Raises:
            RefusedError: The agreement was suspended, changed or removed, or has run out; or the
                floor rose over what it lets leave.
            AgreementError: No agreement is in force.
        """
        current, now = self._library.current(), self._clock.now()
        if current is self._agreements and now < self._rule.stands_until:
            return
        again = decide(current, self._request, Standing(repeat=True), now)
        if isinstance(again, Refusal):
            raise refused(again, -1, self._exchange_id)
        if again.rule.pact.digest != self._rule.pact.digest:
            message = "the agreement changed while the exchange ran"
            raise RefusedError(Reason.AGREEMENT_NOT_ACTIVE, message, step=2)
        # The floor stands in no agreement's digest, and the plan has the masks from before it rose.
        if again.rule.provision != self._rule.provision:
            message = "the floor changed what may leave while the exchange ran"
            raise RefusedError(Reason.AGREEMENT_NOT_ACTIVE, message, step=2)
        self._agreements, self._rule = current, again.rule


def refused(refusal: Refusal, index: int, exchange_id: str) -> RefusedError:
    """Return the error that tells a caller of a refusal."""
    return RefusedError(
        refusal.reason,
        refusal.message,
        step=refusal.step,
        agreement=refusal.agreement,
        provision=refusal.provision,
        clause=refusal.clause,
        index=index,
        exchange_id=exchange_id,
        retry_after_s=RETRY_S if refusal.reason is Reason.RATE_LIMIT else 0.0,
    )
