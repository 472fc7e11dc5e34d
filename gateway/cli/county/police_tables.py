"""The police records database: an SQLite file, every column text."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from gateway.cli.county import police, seizures
from gateway.cli.county.files import Files

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from random import Random

    from gateway.cli.county.overdoses import Overdose

DATABASE: Final = "records.sqlite"

RESPONSES: Final = "overdose_responses"
SEIZURES: Final = "drug_seizures"


def records(random: Random, now: dt.datetime, events: Sequence[Overdose], rows: int) -> Files:
    """Return the database with about `rows` rows of responses, and the seizures."""
    found, cases = police.responses(random, sorted(events, key=lambda event: event.at), rows)
    seized, seizure_cases = seizures.seizures(random, now, rows // 10, police.AGENCY_ORI)
    return Files(
        {DATABASE: database(found, seized)},
        len(found) + len(seized),
        {f"police.{case}": key for case, key in (cases | seizure_cases).items()},
    )


def database(responses: Sequence[Mapping[str, str]], seized: Sequence[Mapping[str, str]]) -> bytes:
    """Return an SQLite database with both tables, the same bytes for the same rows."""
    held = sqlite3.connect(":memory:")
    _fill(held, RESPONSES, police.COLUMNS, responses)
    _fill(held, SEIZURES, seizures.COLUMNS, seized)
    held.commit()
    return held.serialize()


def _fill(
    held: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, str]],
) -> None:
    names = ", ".join(f"{column} TEXT" for column in columns)
    held.execute(f"CREATE TABLE {table} ({names})")
    marks = ", ".join("?" * len(columns))
    values = [tuple(row[column] for column in columns) for row in rows]
    # The names are this package's own; only values come from rows, and they are bound.
    held.executemany(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608
