"""Accountings out of a gateway's log: identifiers become tokens, and whoever asks is logged first.

The verbs and the audit service ask here. An identifier is used to make tokens, and goes nowhere
else: the log has tokens, systems by name, and the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.audit.accounting import Accounting, Audience, account
from gateway.audit.entry import Draft
from gateway.audit.suspensions import suspensions
from gateway.broker.subjects import tokens_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from gateway.audit.suspensions import Suspension
    from gateway.broker.subjects import Person
    from gateway.keys.folder import KeyFolder
    from gateway.ports import Clock
    from gateway.store.log import StoredLog
    from gateway.store.lookup import About

RETAIN: Final = "6y"


class Asker(NamedTuple):
    """Who looks, as the log's `access` entry has it: an agency or `operator`, never a name."""

    who: str
    role: str | None
    verb: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for.

    Attributes:
        people: Identifiers of one person.
        first, last: UTC days, both included.
        audience: For whom.
        provider: Only what left this agency; empty for every agency.
    """

    people: tuple[Person, ...]
    first: dt.date
    last: dt.date
    audience: Audience
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An accounting, and what stands beside it.

    Attributes:
        looked_up: How often the person was looked up, this time included.
        gone: Ids of subject keys that are destroyed or lost: under them nobody is found any more.
    """

    accounting: Accounting
    looked_up: int
    gone: tuple[str, ...]


class Proved(NamedTuple):
    """An entry's tlog-proof, and the leaf that it is for."""

    proof: str
    leaf: str


class Accounts:
    """Accountings, suspensions and holds of people; on the event loop."""

    def __init__(self, log: StoredLog, keys: KeyFolder, clock: Clock) -> None:
        self._log = log
        self._keys = keys
        self._clock = clock

    async def of(self, question: Question, asker: Asker) -> Answer:
        """Return an accounting, once an `access` entry tells who looks.

        Raises:
            LogError: The entry is not durable, or what was found does not open.
        """
        today = self.today()
        words = f"from={question.first} to={question.last} for={question.audience}"
        about = await self._about(question.people, asker, words)
        lines = [
            one
            for one in about.lines
            if question.first <= one.date <= question.last
            and question.provider in {"", one.event.facts.get("provider", question.provider)}
        ]
        suspended = suspensions(about.suspended)
        made = account(lines, suspended, today, question.audience)
        left = self._keys.subjects()
        gone = [one for one in self._keys.states() if one.startswith("subject/")]
        return Answer(made, about.looked_up, tuple(one for one in gone if one not in left))

    async def suspend(
        self,
        people: tuple[Person, ...],
        recipient: str,
        make: Callable[[Suspension | None, dt.date], Mapping[str, Any]],
        asker: Asker,
    ) -> int:
        """Write a `suspend` entry about a person; return its place.

        Args:
            people: Identifiers of the person.
            recipient: Whose lines it is about.
            make: Returns what the entry says, given what is in force and the UTC day.
            asker: Who looks what is in force.

        Raises:
            RequestError: As `make` has it; nothing but the look was written.
            LogError: The entry is not durable.
        """
        about = await self._about(people, asker, "suspensions")
        before = suspensions(about.suspended).get(recipient)
        meta = make(before, self.today())
        return await self._log.note(
            Draft("suspend", None, 0, None, RETAIN, meta, self._own(people))
        )

    async def hold(self, event: str, scope: str, document: str, people: tuple[Person, ...]) -> int:
        """Write a `hold` entry; return its place.

        One about a person has a token under every key that is left: whoever erases has no
        identifier to make others from.
        """
        tokens = tuple(sorted(tokens_of(people, self._every())))
        meta = {"event": event, "scope": scope, "document": document}
        return await self._log.note(Draft("hold", None, 0, None, RETAIN, meta, tokens))

    async def proof(self, index: int) -> Proved:
        """Return an entry with its tlog-proof, once a signed checkpoint covers it."""
        proof = await self._log.proof(index)
        (entry,) = await self._log.entries(index, 1)
        return Proved(proof, entry.leaf.decode("ascii"))

    def today(self) -> dt.date:
        """Return the UTC day."""
        return self._clock.now().date()

    async def _about(self, people: tuple[Person, ...], asker: Asker, words: str) -> About:
        systems = ",".join(sorted({one.system for one in people}))
        own = self._own(people)

        def access(results: int) -> Draft:
            meta = {
                "who": asker.who,
                "role": asker.role,
                "verb": asker.verb,
                "filter": f"systems={systems} {words}",
                "results": results,
            }
            return Draft("access", None, 0, None, RETAIN, meta, own)

        wanted = tokens_of(people, self._every())
        return await self._log.lookup.about(wanted, access)

    def _own(self, people: tuple[Person, ...]) -> tuple[bytes, ...]:
        """Return tokens under this year's key alone: an entry with several would link the years."""
        return tuple(sorted(tokens_of(people, [self._keys.subject(self.today().year)])))

    def _every(self) -> list[bytes]:
        self._keys.subject(self.today().year)
        return list(self._keys.subjects().values())
