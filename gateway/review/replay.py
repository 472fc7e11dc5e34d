"""Decides the requests of the exchange log again, under a proposed version. Pure.

Each is decided by the same `decide`, as if the proposed version had been in force. What its answer
hangs on beside the text of the agreements the log mostly does not hold: the literals of a filter,
the fields of a request that was refused, consent, periods, budgets. There the logged answer stands,
unless the amendment changed the very key that it came from; and where that cannot be told, the
request counts as newly granted, so that somebody looks.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.diff.change import Flow, Way
from gateway.agreement.strength import as_strong
from gateway.decide import Refusal, Standing, decide
from gateway.errors import Reason
from gateway.masks.tables import CountOnly, SumOnly
from gateway.review.asking import fields_asked, some_fields, where_asked
from gateway.review.impact import Form, Granted, Impact, Refused
from gateway.values import Caller, DatasetId, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.agreement.index import Agreements, FlowRule
    from gateway.decide import Grant
    from gateway.review.impact import Asked

MINUTE_S: Final = 60

_BEGINNING = dt.datetime.min.replace(tzinfo=dt.UTC)
_END = dt.datetime.max.replace(tzinfo=dt.UTC)
_TOLD: Final = ("key=", "absent=")
"""What a header tells of a mask beside its parameters."""
_PERIODS: Final = frozenset({Reason.PERIOD_OPEN, Reason.CELL_RELEASED})
"""Reasons of what a request named, or of what had left: the log holds neither."""


class Question:
    """Requests that are alike, and so are decided alike, but for the rate that they come at.

    Args:
        changes: What is otherwise than it was.
        rule, clause: By which they are granted.
        limit: How many a minute are, where that is fewer than before; 0 for no look at it.
        recent: When those of the last minute were, of all that share the limit.
    """

    __slots__ = ("_limit", "_recent", "changes", "clause", "over", "rule", "taken")

    def __init__(
        self,
        changes: tuple[Refused | Granted | Form, ...],
        rule: str = "",
        clause: str = "",
        limit: int = 0,
        recent: deque[float] | None = None,
    ) -> None:
        self.changes, self.rule, self.clause = changes, rule, clause
        self.taken = self.over = 0
        self._limit, self._recent = limit, deque() if recent is None else recent

    def take(self, time: str) -> None:
        """Take the next request of the log, at a time that lies not before the last one's.

        Args:
            time: As a leaf has it. Few are read: most requests come at no rate that is looked at.
        """
        if self._limit:
            recent, at_s = self._recent, dt.datetime.fromisoformat(time).timestamp()
            while recent and recent[0] <= at_s - MINUTE_S:
                recent.popleft()
            if len(recent) >= self._limit:
                self.over += 1
                return
            recent.append(at_s)
        self.taken += 1

    def add_to(self, found: Impact, asked: Asked) -> None:
        """Add what was taken to an impact.

        Args:
            found: The impact.
            asked: What these requests are alike in.
        """
        found.decided += self.taken + self.over
        if self.over:
            reason = Reason.RATE_LIMIT.value
            found.refused[Refused(asked.flow, self.rule, self.clause, reason)] += self.over
        if not self.changes:
            found.same += self.taken
        for change in self.changes:
            match change:
                case Refused():
                    found.refused[change] += self.taken
                case Granted():
                    found.granted[change] += self.taken
                case Form():
                    found.forms[change] += self.taken


class Replay:
    """Decides logged requests again, in the order of the log.

    Args:
        before: The agreements that stand, as if every signature were there.
        after: Those that are proposed.
        now: The instant that tables' periods are looked at from.
    """

    def __init__(self, before: Agreements, after: Agreements, now: dt.datetime) -> None:
        self._before = in_force(before)
        self._after = in_force(after)
        self._now = now
        self._questions: dict[Asked, Question] = {}
        self._untold = Question(())
        self._recent: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def ask(self, asked: Asked | None) -> Question:
        """Return where requests that are alike are taken.

        Args:
            asked: What the log tells of them; None where it tells too little.
        """
        if asked is None:
            return self._untold
        question = self._questions.get(asked)
        if question is None:
            question = self._questions[asked] = self._decided(asked)
        return question

    def result(self) -> Impact:
        """Return what all of it comes to."""
        found = Impact(untold=self._untold.taken)
        granted: Counter[Flow] = Counter()
        for asked, one in self._questions.items():
            one.add_to(found, asked)
            if not asked.reason:
                granted[asked.flow] += one.taken + one.over
        for flow, count in granted.items():
            if more := self._more(flow):
                found.fields[flow] = (count, more)
        found.rows = tuple(flow for flow in granted if self._fewer(flow))
        return found

    # --- one request ---

    def _decided(self, asked: Asked) -> Question:
        after = self._decide(self._after, asked)
        if asked.reason:
            return Question(self._newly_granted(asked, after))
        if isinstance(after, Refusal) and after.reason not in _PERIODS:
            said = Refused(asked.flow, after.provision, after.clause, after.reason.value)
            return Question((said,))
        [rule] = self._rules(self._after, asked)
        provision, old = rule.provision, self._rules(self._before, asked)
        limit = provision.limits.requests_per_minute
        if old and limit >= old[0].provision.limits.requests_per_minute:
            limit = 0  # what was within the limit is within a higher one
        recent = self._recent[asked.recipient, rule.ref]
        forms = self._forms(asked, rule)
        return Question(forms, provision.id, provision.clause, limit, recent)

    def _decide(self, agreements: Agreements, asked: Asked) -> Grant | Refusal:
        """Return the answer by a version's text; a refused request asks for what it releases."""
        rules = self._rules(agreements, asked)
        rule = rules[0] if rules else None
        if asked.released is None:
            names = some_fields(rule)
        else:
            names = fields_asked(asked.released, rule, self._rules(self._before, asked))
        dataset = DatasetId.parse(asked.dataset)
        assert dataset is not None  # noqa: S101 - `asked_of` looked
        where = where_asked(asked.where, agreements, asked.dataset)
        terms = Terms(asked.provider, asked.recipient, dataset, asked.purpose, names, where)
        caller = Caller(asked.recipient, bytes(32), roles=asked.roles)
        return decide(agreements, Request("", terms, caller), Standing(), self._now)

    @staticmethod
    def _rules(agreements: Agreements, asked: Asked) -> tuple[FlowRule, ...]:
        return agreements.flows.get((*asked[:4],), ())

    def _newly_granted(self, asked: Asked, after: Grant | Refusal) -> tuple[Granted, ...]:
        """Return that a refused request would be granted; nothing where it is refused as it was."""
        if isinstance(after, Refusal) and after.reason not in _PERIODS:
            return ()
        [rule] = self._rules(self._after, asked)
        before = self._decide(self._before, asked)
        if isinstance(before, Refusal) and before.reason not in _PERIODS:
            return (Granted(asked.flow, rule.provision.id, asked.reason),)
        # By its text the version that stands would grant it too: it was refused for what the log
        # does not hold. Did the amendment change what that hangs on?
        hangs = _HANGS_ON.get(asked.reason)
        [old] = self._rules(self._before, asked)
        if hangs is None or hangs(rule) <= hangs(old):
            return ()
        return (Granted(asked.flow, rule.provision.id, asked.reason),)

    def _forms(self, asked: Asked, rule: FlowRule) -> tuple[Form, ...]:
        """Return the fields that would leave in another form than they did."""
        old = self._rules(self._before, asked)
        found = []
        for name, told in asked.released or ():
            mask, text = rule.provision.release.get(name), _written(told)
            if mask is None or isinstance(mask, CountOnly | SumOnly) or text == mask.note().text:
                continue  # a companion, a measure, or as it was
            was = old[0].provision.release.get(name) if old else None
            known = was is not None and text == was.note().text
            narrower = known and as_strong(mask, was, rule.dataset.maps)
            way = Way.NARROWED if narrower else Way.WIDENED
            found.append(Form(asked.flow, name, text, mask.note().text, way))
        return tuple(found)

    def _more(self, flow: Flow) -> tuple[str, ...]:
        """Return the fields that a flow would release, and does not by the version that stands."""
        key = dataclasses.astuple(flow)
        new, old = (
            {name for rule in one.flows.get(key, ()) for name in _released(rule)}
            for one in (self._after, self._before)
        )
        return tuple(sorted(new - old))

    def _fewer(self, flow: Flow) -> bool:
        """Return whether fewer rows may leave in one request, or in a day."""
        new, old = (
            [rule.provision.limits for rule in one.flows.get(dataclasses.astuple(flow), ())]
            for one in (self._after, self._before)
        )
        return any(
            b.rows_per_request < a.rows_per_request or b.rows_per_day < a.rows_per_day
            for a in old
            for b in new
        )


def _written(told: str) -> str:
    """Return a mask as its file has it, from what a header told: without its key's name."""
    return " ".join(one for one in told.split(" ") if not one.startswith(_TOLD))


def _released(rule: FlowRule) -> frozenset[str]:
    return frozenset(rule.provision.release.keys() - rule.barred.keys())


_HANGS_ON: Final[Mapping[str, Callable[[FlowRule], Any]]] = {
    Reason.NO_FIELDS.value: _released,
    Reason.FIELD_NOT_RELEASED.value: _released,
    Reason.PROHIBITED.value: _released,
    Reason.FILTER_NOT_PERMITTED.value: lambda rule: rule.passes - rule.barred.keys(),
    Reason.RATE_LIMIT.value: lambda rule: rule.provision.limits.requests_per_minute,
    Reason.ROW_LIMIT.value: lambda rule: rule.provision.limits.rows_per_day,
}
"""What of a provision a refusal came from, where the log does not hold the rest of it."""


def in_force(agreements: Agreements) -> Agreements:
    """Return agreements as if in force, attested and determined at any instant.

    A proposed version is mostly of a term to come: what it makes of last month is asked for.
    """

    def stretched(rule: FlowRule) -> FlowRule:
        pact = dataclasses.replace(rule.pact, starts=_BEGINNING, ends=_END)
        both = [dataclasses.replace(o, starts=_BEGINNING, ends=_END) for o in rule.attestations]
        return dataclasses.replace(
            rule, pact=pact, attestations=(both[0], both[1]), determined_until=None
        )

    return dataclasses.replace(
        agreements,
        flows={key: tuple(map(stretched, rules)) for key, rules in agreements.flows.items()},
        pairs={
            key: tuple(dataclasses.replace(one, starts=_BEGINNING, ends=_END) for one in several)
            for key, several in agreements.pairs.items()
        },
    )
