"""Words for the register of consents: identifiers become tokens, and an entry tells of each word.

The verbs and the service come here. An identifier is used to make tokens, and goes nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.entry import Draft
from gateway.broker.subjects import tokens_of
from gateway.cli.keyring import register_key

if TYPE_CHECKING:
    from gateway.broker.consents import Word
    from gateway.broker.subjects import Person
    from gateway.cli.accounting.accounts import Asker
    from gateway.keys.folder import KeyFolder
    from gateway.ports import Clock
    from gateway.store.consents import StoredConsent
    from gateway.store.log import StoredLog

RETAIN: Final = "6y"


class Register:
    """Where words come in and are read back; on the event loop.

    Args:
        log: Has the entries.
        consent: Has the words.
        keys: Of tokens.
        clock: Says which year's tokens an entry has.
    """

    def __init__(
        self, log: StoredLog, consent: StoredConsent, keys: KeyFolder, clock: Clock
    ) -> None:
        self._log = log
        self._consent = consent
        self._keys = keys
        self._clock = clock

    async def record(
        self,
        people: tuple[Person, ...],
        purpose: str,
        document: str,
        asker: Asker,
        *,
        granted: bool,
    ) -> int:
        """Write a word and its `consent` entry; return the entry's place.

        Args:
            people: Identifiers of one person.
            purpose: A leaf, or a branch for all below it.
            document: The agency's own id of the form.
            asker: Who records it.
            granted: Whether they consent; else they withdraw.

        Raises:
            LogError: It is not, or may not be, durable.
        """
        meta = {
            "event": "granted" if granted else "revoked",
            "purpose": purpose,
            "who": asker.who,
            "role": asker.role,
            "document": document,
        }
        draft = Draft("consent", None, 0, None, RETAIN, meta, self._own(people))
        return await self._consent.say(draft, self._theirs(people), granted=granted)

    async def words(self, people: tuple[Person, ...], asker: Asker) -> tuple[Word, ...]:
        """Return what somebody said, in order, once an `access` entry tells who looks.

        Raises:
            LogError: The entry is not, or may not be, durable; nothing was read.
        """
        systems = ",".join(sorted({one.system for one in people}))
        meta = {
            "who": asker.who,
            "role": asker.role,
            "verb": asker.verb,
            "filter": f"systems={systems} consents",
            "results": 0,
        }
        await self._log.note(Draft("access", None, 0, None, RETAIN, meta, self._own(people)))
        return self._consent.words(self._theirs(people))

    def _theirs(self, people: tuple[Person, ...]) -> frozenset[bytes]:
        return tokens_of(people, [register_key(self._keys).key])

    def _own(self, people: tuple[Person, ...]) -> tuple[bytes, ...]:
        """Return tokens under this year's key: whoever looks the person up finds the entry."""
        year = self._clock.now().date().year
        return tuple(sorted(tokens_of(people, [self._keys.subject(year)])))
