"""Consents and duties as the service has them: store and service do not know each other.

This does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.index import under
from gateway.broker.subjects import check_person
from gateway.cli.accounting.accounts import Asker
from gateway.errors import Reason, RequestError
from gateway.rpc.standing import OFFICERS
from gateway.wire.standing import Owing, Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.agreement.index import Agreements
    from gateway.broker.subjects import Person
    from gateway.cli.standings.register import Register
    from gateway.ports import Clock
    from gateway.store.duties import StoredDuties
    from gateway.values import Caller


class Standings:
    """Implements `rpc.standing.Standings` over the store.

    Args:
        register: Of consents.
        duties: That recipients owe.
        clock: The gateway's.
        agreements: The agreements in force.
    """

    def __init__(
        self,
        register: Register,
        duties: StoredDuties,
        clock: Clock,
        agreements: Callable[[], Agreements],
    ) -> None:
        self._register = register
        self._duties = duties
        self._clock = clock
        self._agreements = agreements

    async def record(
        self, people: tuple[Person, ...], word: tuple[str, bool], document: str, caller: Caller
    ) -> int:
        """Record a word; see `rpc.standing.Standings`."""
        self._check(people)
        purpose, granted = word
        check_purpose(purpose, self._agreements().purposes.leaves)
        return await self._register.record(
            people, purpose, document, _asker(caller, "consent"), granted=granted
        )

    async def words(self, people: tuple[Person, ...], caller: Caller) -> Sequence[Said]:
        """Return somebody's words."""
        self._check(people)
        words = await self._register.words(people, _asker(caller, "consent list"))
        return [Said(one.place, one.purpose, one.granted) for one in words]

    async def duties(self, caller: Caller) -> Sequence[Owing]:
        """Return what the caller's agency owes."""
        return [
            Owing(one.exchange_id, one.duty, one.due, one.agreement, one.provision)
            for one in self._duties.owed(caller.agency)
        ]

    async def attest(self, exchange_id: str, duty: str, caller: Caller) -> int:
        """Record that a duty was done."""
        return await self._duties.attest(caller.agency, exchange_id, duty)

    def _check(self, people: tuple[Person, ...]) -> None:
        current = self._agreements()
        for number, person in enumerate(people):
            path = f"subjects[{number}]"
            check_person(person, path, current.registry.agencies, current.datasets.values())


def check_purpose(purpose: str, leaves: Iterable[str]) -> None:
    """Return if a purpose is a leaf or a branch of those there are.

    Raises:
        RequestError: It is none: a word about it would stop nothing, or permit nothing.
    """
    if not any(under(leaf, purpose) for leaf in leaves):
        wrong = "is neither a purpose nor a branch of them"
        message = f"`purpose` {wrong}"
        raise RequestError(Reason.UNKNOWN_PURPOSE, message, violations=[("purpose", wrong)])


def _asker(caller: Caller, verb: str) -> Asker:
    return Asker(caller.agency, ",".join(sorted(caller.roles & OFFICERS)) or None, verb)
