"""What becomes of keys, as functions from one key store to the next: nothing here reads a file.

A key is made, is in use, is retired when another takes its place, and is destroyed once nothing
needs it; what is refused here is refused to every caller.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.errors import SettingsError
from gateway.keys import names
from gateway.keys.record import DESTROYED, LOST, MADE, RETIRED, Mark

if TYPE_CHECKING:
    import datetime as dt

    from gateway.keys.record import Record


def added(record: Record, key_id: str, wrapped: bytes, public: bytes) -> Record:
    """Return a store with one key more; `public` is empty but for signing keys."""
    more = {key_id: public} if public else {}
    keys = {**record.keys, key_id: wrapped}
    return replace(record, keys=keys, public={**record.public, **more})


def retired(record: Record, key_id: str, now: dt.datetime) -> Record:
    """Return a store in which a key is not used any more for what is new.

    Raises:
        SettingsError: It is not in use, or of no kind that is taken out of use.
    """
    if not names.turns(key_id) and not names.is_signing(key_id):
        raise SettingsError(f"key `{key_id}` is of no kind that is taken out of use")
    if record.state(key_id) != MADE:
        raise SettingsError(f"key `{key_id}` is not one in use")
    return replace(record, marks={**record.marks, key_id: Mark(RETIRED, now)})


def destroyed(record: Record, key_id: str, now: dt.datetime) -> Record:
    """Return a store without a key that nothing needs any more.

    Raises:
        SettingsError: There is no such key, or its time is not over.
    """
    if key_id not in record.keys:
        raise SettingsError(f"the key store has no key `{key_id}`")
    if not over(record, key_id, now.date()):
        raise SettingsError(f"key `{key_id}`: what it is for is not over")
    keys = {one: data for one, data in record.keys.items() if one != key_id}
    return replace(record, keys=keys, marks={**record.marks, key_id: Mark(DESTROYED, now)})


def lost(record: Record, key_id: str, now: dt.datetime) -> Record:
    """Return a store that says that a key is lost.

    Raises:
        SettingsError: It is there, or what became of it is known, or is of no kind that seals.
    """
    if not names.turns(key_id) or record.state(key_id) is not None:
        raise SettingsError(f"key `{key_id}` is not one that can be missing")
    return replace(record, marks={**record.marks, key_id: Mark(LOST, now)})


def last_day(record: Record, key_id: str) -> dt.date | None:
    """Return the first day on which nothing needs a key any more; None where there is none."""
    if not names.is_signing(key_id):
        return names.over(key_id, record.states())
    mark = record.marks.get(key_id)
    return None if mark is None else (mark.since + names.GRACE).date()


def over(record: Record, key_id: str, today: dt.date) -> bool:
    """Return whether nothing needs a key on a day, as far as days tell.

    The tokens of a year are sealed under the payload keys of that year: while one of these is left,
    for a hold, so is the key of the tokens.
    """
    day = last_day(record, key_id)
    return (
        day is not None
        and day <= today
        and not any(names.seals_tokens_of(one, key_id) for one in record.keys)
    )


def following(record: Record, key_id: str) -> str:
    """Return the id of the key after one, of the same month and class, year or log."""
    if names.is_signing(key_id):
        return f"signing/{1 + max(map(names.place_of, record.public))}"
    base = names.first_of(key_id)
    return f"{base}#{1 + max(map(names.place_of, _same(record, base)))}"


def in_place(record: Record, base: str) -> str:
    """Return the id of the key in use of a month and class, or of a year; it may be still to make.

    Args:
        record: The store.
        base: The id of the first of them.
    """
    newest = max(_same(record, base), key=names.place_of, default=base)
    return newest if record.state(newest) in {None, MADE} else following(record, base)


def _same(record: Record, base: str) -> list[str]:
    return [one for one in record.states() if names.first_of(one) == base]
