"""The officers' tests as the file writes them: a closed form, in which nothing has a default.

What a test does not give is not there: no rows, no consent, no earlier request.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

from gateway.agreement.conditions import FieldCondition
from gateway.agreement.cursor import EMPTY_DATE, ID, NAME, NO_NAMES, VERSION, WORD, Cursor, Entries
from gateway.agreement.finding import quoted
from gateway.agreement.index import Signed
from gateway.agreement.invariant_form import invariant
from gateway.agreement.literal import fits, typed
from gateway.agreement.mask_forms import TABLE_REF
from gateway.agreement.provision_form import PURPOSE, ROLE, dataset_id, field_condition, keys
from gateway.agreement.testing import (
    ABSENT,
    CURRENT,
    STALE,
    TIMES,
    UNAVAILABLE,
    Ask,
    Expected,
    Given,
    Suite,
    Told,
    Trial,
)
from gateway.errors import Reason
from gateway.values import Condition, DatasetId, FieldType, Operator, Row, Scalar, list_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.dataset import Dataset, FieldRule

REF = re.compile(rf"{ID.pattern}@{VERSION.pattern}")
RULE = re.compile(r"[A-Z][0-9]{1,4}-[a-z0-9-]{1,60}")
COLUMN = re.compile(r"[a-z][a-z0-9_]{0,63}(?:\.(?:why|level|flag))?")
ROWS_MAX: Final = 10_000
"""The most rows that one row may stand for."""

KEY = re.compile(r"[0-9A-Za-z:.-]{1,40}")
_NO_INSTANT: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NO_TRIALS: Final[tuple[Trial, ...]] = ()
_NO_ROWS: Final[tuple[Told, ...]] = ()


def suite(top: Cursor, datasets: Mapping[str, Dataset]) -> Suite:
    """Return the tests that a file states.

    Args:
        top: The whole file, without `apiVersion` and `kind`.
        datasets: By `<name>@<version>`: values of rows are read in their field's type.
    """
    entries = top.closed(keys("agreement now tests"), keys("invariants term tables"))
    now = entries.read("now", _instant, _NO_INSTANT)
    trials = entries.read(
        "tests", lambda c: c.each(lambda one: _trial(one, now, datasets)), _NO_TRIALS
    )
    _differ(top, trials)
    return Suite(
        agreement=entries.read("agreement", lambda c: c.text(REF), ""),
        now=now,
        trials=trials,
        invariants=entries.read("invariants", lambda c: c.each(invariant), ()),
        term=entries.read("term", _term, None),
        tables=entries.read("tables", _tables, {}),
    )


def _differ(top: Cursor, trials: tuple[Trial, ...]) -> None:
    seen: set[str] = set()
    for place, one in enumerate(trials):
        if one.name in seen:
            at = top.at("tests", None).at(place, None).at("name", None)
            at.wrong(f"two tests are called {quoted(one.name)}")
        seen.add(one.name)


def _instant(at: Cursor) -> dt.datetime:
    made = typed(at.value, FieldType.TIMESTAMP) if isinstance(at.value, str) else None
    if isinstance(made, dt.datetime):
        return made
    at.wrong(f'`{at.name}` is not an instant such as "2027-06-15T12:00:00Z"')
    return _NO_INSTANT


def _term(at: Cursor) -> tuple[dt.date, dt.date] | None:
    entries = at.closed(keys("effective expires"))
    first = entries.read("effective", Cursor.date, EMPTY_DATE)
    last = entries.read("expires", Cursor.date, EMPTY_DATE)
    if last < first:
        at.wrong("`expires` is before `effective`")
    return first, last


def _tables(at: Cursor) -> dict[str, Mapping[str, int | str]]:
    return {name: _table(below) for name, below in at.entries(TABLE_REF)}


def _table(at: Cursor) -> Mapping[str, int | str]:
    read: dict[str, int | str] = {}
    for key, below in at.entries(KEY):
        if isinstance(below.value, bool) or not isinstance(below.value, (int, str)):
            below.wrong("a table has of each key a number, what it lies in, or `none`")
        else:
            read[key] = below.value
    return read


# --- one test ---

_CONSENTS: Final = ("granted", ABSENT, UNAVAILABLE)
_NOTHING: Final = Given()
_NO_DATASET: Final = DatasetId("none.none", 1)
_NO_ASK: Final = Ask("", "", "", False, frozenset(), _NO_DATASET, "", (), ())  # noqa: FBT003
_NO_EXPECTED: Final = Expected(None, None)


def _trial(at: Cursor, now: dt.datetime, datasets: Mapping[str, Dataset]) -> Trial:
    entries = at.closed(keys("name request expect"), keys("now given"))
    ask = entries.read("request", lambda c: _ask(c, datasets), _NO_ASK)
    dataset = datasets.get(str(ask.dataset))
    return Trial(
        name=entries.read("name", Cursor.text, ""),
        now=entries.read("now", _instant, now),
        ask=ask,
        given=entries.read("given", lambda c: _given(c, dataset), _NOTHING),
        expect=entries.read("expect", _expected, _NO_EXPECTED),
    )


def _ask(at: Cursor, datasets: Mapping[str, Dataset]) -> Ask:
    entries = at.closed(keys("as dataset purpose fields"), keys("from to role where"))
    if not entries.has("from") and not entries.has("to"):
        at.wrong("`from` is missing in `request`; or `to`, where the caller sends", "missing-key")
    caller = entries.read("as", _party, "")
    dataset = entries.read("dataset", dataset_id, _NO_DATASET)
    known = datasets.get(str(dataset))
    role = entries.read("role", lambda c: c.text(ROLE), "")
    return Ask(
        caller=caller,
        provider=entries.read("from", _party, caller),
        recipient=entries.read("to", _party, caller),
        push=not entries.has("from"),
        roles=frozenset({role} - {""}),
        dataset=dataset,
        purpose=entries.read("purpose", lambda c: c.text(PURPOSE), ""),
        fields=entries.read("fields", lambda c: c.names_or_none(), NO_NAMES),
        where=entries.read("where", lambda c: c.each(lambda one: _where(one, known)), ()),
    )


def _party(at: Cursor) -> str:
    return at.text(WORD)


def _where(at: Cursor, dataset: Dataset | None) -> Condition:
    made = field_condition(at.closed(keys("field op value")))
    if not isinstance(made, FieldCondition):
        at.wrong("a request has no `within`: it names its instants")
        return Condition(made.field, Operator.EQ, ())
    if dataset is None or made.field not in dataset.fields:
        return Condition(made.field, made.op, made.values)
    type_ = dataset.fields[made.field].type
    return Condition(made.field, made.op, tuple(typed(one, type_) for one in made.values))


# --- what is given ---


def _given(at: Cursor, dataset: Dataset | None) -> Given:
    several = keys(
        "consent opt_out state attestation requests_last_minute rows_today periods_released"
        " duties_overdue rows"
    )
    entries = at.closed(frozenset(), several)
    none: tuple[dt.date, ...] = ()
    return Given(
        consent=entries.read("consent", lambda c: c.one_of(_CONSENTS), ABSENT),
        opt_out=entries.read("opt_out", lambda c: c.one_of(("present", ABSENT)), ABSENT),
        state=entries.read("state", lambda c: c.member(Signed), Signed.SIGNED),
        attestation=entries.read("attestation", lambda c: c.one_of((CURRENT, STALE)), CURRENT),
        requests_last_minute=entries.read("requests_last_minute", lambda c: c.integer(0), 0),
        rows_today=entries.read("rows_today", lambda c: c.integer(0), 0),
        periods_released=frozenset(
            entries.read("periods_released", lambda c: c.each(Cursor.date), none)
        ),
        duties_overdue=entries.read("duties_overdue", lambda c: c.names(WORD), NO_NAMES),
        rows=entries.read("rows", lambda c: _rows(c, dataset), ()),
    )


def _rows(at: Cursor, dataset: Dataset | None) -> tuple[Row, ...]:
    if dataset is None:
        at.wrong("rows of a dataset that the folder does not have", "field-unknown")
        return ()
    read: list[Row] = []
    for item in at.items():
        row = _row(item, dataset)
        read += [row] * _times(item.value)
        if len(read) > ROWS_MAX:
            at.wrong(f"more than {ROWS_MAX} rows")
            return ()
    return tuple(read)


def _times(row: object) -> int:
    """Return for how many rows one stands; what is no such number is told where it is read."""
    times = row.get(TIMES, 1) if isinstance(row, dict) else 1
    return times if isinstance(times, int) and 0 < times <= ROWS_MAX else 1


def _row(at: Cursor, dataset: Dataset) -> Row:
    row: Row = {}
    for name, below in at.entries(NAME):
        field = dataset.fields.get(name)
        if name == TIMES:
            below.integer(1, ROWS_MAX)
        elif name == ABSENT:
            row |= _absent(below, dataset)
        elif field is None:
            below.wrong(f"{quoted(name)} is no field of {dataset.id}", "field-unknown")
        else:
            row[name] = _value(below, field)
    return row


def _absent(at: Cursor, dataset: Dataset) -> Row:
    names = at.names()
    for name in names:
        if name not in dataset.fields:
            at.wrong(f"{quoted(name)} is no field of {dataset.id}", "field-unknown")
    return dict.fromkeys(names)


def _value(at: Cursor, field: FieldRule) -> Scalar:
    if field.type is FieldType.LIST:
        if isinstance(at.value, list) and all(isinstance(one, str) for one in at.value):
            return list_text(at.value)
    elif isinstance(at.value, (str, int)):
        made = typed(at.value, field.type)
        if fits(made, field.type):
            return made
    at.wrong(f"`{field.name}` holds no {field.type.value}")
    return None


# --- what is expected ---


def _expected(at: Cursor) -> Expected:
    decision = at.value.get("decision") if isinstance(at.value, dict) else None
    if decision == "refuse":
        entries = at.closed(keys("decision reason rule"))
        reason = entries.read("reason", lambda c: c.member(Reason), Reason.INTERNAL)
        return Expected(_rule(entries), reason)
    entries = at.closed(keys("decision rule rows"), keys("rest"))
    entries.read("decision", lambda c: c.one_of(("grant", "refuse")), "")
    if entries.has("rest"):
        entries.read("rest", lambda c: c.one_of(("zero",)), "")
    rows = entries.read("rows", _leaving, _NO_ROWS)
    return Expected(_rule(entries), None, rows, entries.has("rest"))


def _rule(entries: Entries) -> str | None:
    return entries.read("rule", lambda c: c.text_or_none(RULE), None)


def _leaving(at: Cursor) -> tuple[Told, ...]:
    # An exact list of nothing is an expectation like another.
    return () if at.value == [] else at.each(_told)


def _told(at: Cursor) -> Told:
    row: dict[str, str | int | bool | tuple[str, ...]] = {}
    for name, below in at.entries(COLUMN):
        value = below.value
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            row[name] = tuple(value)
        elif isinstance(value, (str, int)):
            row[name] = value
        else:
            below.wrong(f"`{name}` is one text, integer or boolean, or a list of texts")
    return row
