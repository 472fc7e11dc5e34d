"""What noise may spend: draws, who was told of them, and the budgets that they are held against.

Zero-concentrated differential privacy adds up: whoever holds several draws of one source has spent
the sum of their rho, and whoever is told of a draw twice has spent it once. So a budget is not a
counter. It is the sum over the different draws that a set of recipients holds together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.agreement.index import Signed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from gateway.agreement.index import Agreements, FlowRule

MILLION: Final = 1_000_000
"""Amounts of rho are whole millionths: a float would lose count at a budget's last one."""

SPENT: Final = "the budget of noise for this source is spent"
"""What a refusal says, whoever finds it out."""


def amount_text(millionths: int) -> str:
    """Return the shortest decimal of millionths: 50000 is `0.05`."""
    whole, rest = divmod(millionths, MILLION)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Draw:
    """Noise that was drawn once, for all cells of some periods.

    Attributes:
        of: `FlowRule.question` that it answers: only for that one is it given again.
        by: Exchange id of the attempt that drew it; there is one draw in each.
        mechanism: `discrete_gaussian`.
        rho: What it spends, in millionths.
        bound: The most cells of it that one person is counted in.
        unit: The field that names a person.
        periods: First days of the periods that it is for.
    """

    of: str
    by: str
    mechanism: str
    rho: int
    bound: int
    unit: str
    periods: tuple[dt.date, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """A recipient that was told of a draw."""

    recipient: str
    draw: Draw


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that some recipients together may hold of one source, in millionths.

    Attributes:
        recipients: Who count as one attacker; None for everybody.
    """

    recipients: frozenset[str] | None
    rho: int

    def covers(self, recipient: str) -> bool:
        """Return whether the recipient is one of them."""
        return self.recipients is None or recipient in self.recipients


def caps(agreements: Agreements, rule: FlowRule, now: dt.datetime) -> tuple[Cap, ...]:
    """Return the budgets that a release under `rule` is held against.

    They are those of every signed provision with noise on the same provider's dataset, in whatever
    version, whose set of recipients the release adds to: where two name different budgets for one
    set, the smallest therefore binds, and no agreement spends what another meant to keep.
    """
    found = {
        _cap(one)
        for rules in agreements.flows.values()
        for one in rules
        if (one.provider.id, one.dataset.id.name) == (rule.provider.id, rule.dataset.id.name)
        and one.pact.signed in {Signed.SIGNED, Signed.SUSPENDED}
        and now < one.ends
    }
    covering = [cap for cap in found if cap is not None and cap.covers(rule.recipient.id)]
    return tuple(sorted(covering, key=lambda cap: (sorted(cap.recipients or ()), cap.rho)))


def _cap(rule: FlowRule) -> Cap | None:
    table = rule.provision.aggregate
    if table is None or table.disclosure.noise is None:
        return None
    aliases, parties = table.disclosure.colluding, rule.pact.agreement.parties
    budget = table.disclosure.noise.budget
    if aliases is None:
        return Cap(None, budget)
    named = frozenset(parties[alias].agency for alias in aliases)
    return Cap(named | {rule.recipient.id}, budget)


def overspent(
    agreements: Agreements,
    rule: FlowRule,
    periods: Iterable[dt.date],
    told: Iterable[Holding],
    now: dt.datetime,
) -> bool:
    """Return whether a table of these periods cannot be paid for; an exact one costs nothing.

    A period that was drawn for the same question is given again, and costs only those who did not
    hold it. Requests in flight are not known here: the store asks again before a release.
    """
    table = rule.provision.aggregate
    if table is None or table.disclosure.noise is None:
        return False
    asked, told = frozenset(periods), tuple(told)
    again = [
        one.draw
        for one in told
        if one.draw.of == rule.question and not asked.isdisjoint(one.draw.periods)
    ]
    costs = {draw.by: draw.rho for draw in again}
    if asked.difference(*(draw.periods for draw in again)):
        costs[""] = table.disclosure.noise.rho  # a draw that has no name yet
    return overspends(costs, told, caps(agreements, rule, now))


def overspends(costs: Mapping[str, int], told: Iterable[Holding], held: Iterable[Cap]) -> bool:
    """Return whether a release of some draws would exceed a budget; to the last millionth it may.

    Args:
        costs: Of each draw that it tells of, old ones among them, by `by`: its rho.
        told: Who holds what of the source.
        held: The budgets, from `caps`.
    """
    told = tuple(told)
    for cap in held:
        known = {one.draw.by: one.draw.rho for one in told if cap.covers(one.recipient)}
        more = {by: rho for by, rho in costs.items() if by not in known}
        # What they hold already costs nothing again, also where a budget was lowered since.
        if more and sum(known.values()) + sum(more.values()) > cap.rho:
            return True
    return False
