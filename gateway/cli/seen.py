"""What `simulate` found, in an officer's words: fields before and after, cells, who stands out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.masks.base import Marker
from gateway.masks.identity import Pseudonym
from gateway.review.cells import SMALL
from gateway.values import FieldClass

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from gateway.agreement.index import FlowRule
    from gateway.masks.base import Masked
    from gateway.plan.ops import Crowd, Likeness
    from gateway.review.cells import CellSeen
    from gateway.review.simulate import FieldSeen, Pair
    from gateway.values import Scalar

_WIDEST: Final = 24
_KEYED: Final = 8
_RECORDS: Final = 1
_CELLS: Final = 40


@dataclass(frozen=True, slots=True)
class Seen:
    """One simulation: of records, or of a table.

    Attributes:
        read: Records of the sample.
        behind: Conditions, each with how many records do not meet it.
        staying: Of records, how many meet all of them.
        least: The smallest count that a table publishes, zero aside.
        rung: The rung of its ladder that a table is behind.
        late_days: How long before the simulated instant the newest event was; None where no record
            says when.
    """

    rule: FlowRule
    read: int
    behind: Sequence[tuple[str, int]]
    staying: int = 0
    fields: Sequence[FieldSeen] = ()
    pairs: Sequence[Pair] = ()
    before: Likeness | None = None
    after: Likeness | None = None
    crowd: Crowd | None = None
    cells: Sequence[CellSeen] = ()
    dimensions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    least: int = 0
    rung: str = ""
    late_days: int | None = None


def lines(seen: Seen, now: dt.datetime, show: int) -> Iterator[str]:
    """Yield the lines of a simulation.

    Args:
        seen: What was found.
        now: The instant that it was as if at.
        show: How many records, or cells, are printed one by one; 0 for none, below it a few.
    """
    rule = seen.rule
    provision, agreement = rule.provision, rule.pact.agreement
    at = f"as if at {now:%Y-%m-%d %H:%M} UTC"
    yield f"{provision.id} of {agreement.ref}, clause {provision.clause}, {at}"
    yield (
        f"{rule.provider.id} to {rule.recipient.id}, {rule.dataset.id}, {rule.purpose}; "
        "nothing is sent"
    )
    yield ""
    if seen.before is not None:
        yield from _records(seen, _RECORDS if show < 0 else show)
    else:
        yield from _table(seen, _CELLS if show < 0 else show)
    yield ""
    yield f"withheld: {', '.join(provision.withhold) or 'nothing'}"


def _stay(seen: Seen) -> Iterator[str]:
    for text, count in seen.behind:
        if count:
            yield f"  {count:>9,}  do not meet: {text}"
    if (few := seen.staying - len(seen.pairs)) and (asked := seen.rule.provision.anonymity):
        yield f"  {few:>9,}  are alike with fewer than {asked.k} people: `anonymity`"
    none = not (seen.staying or any(one.units for one in seen.cells))
    if none and seen.late_days:
        late = f"the newest `{seen.rule.dataset.event_date}` is {seen.late_days:,} days earlier"
        yield f"  {late}: `--shift {seen.late_days}` moves every date"


# --- records --------------------------------------------------------------------------------------


def _records(seen: Seen, show: int) -> Iterator[str]:
    left, most = len(seen.pairs), seen.rule.provision.limits.rows_per_request
    yield f"{seen.read:,} records read, {left:,} leave, {seen.read - left:,} stay behind"
    yield from _stay(seen)
    if left > most:
        yield f"  one request for all of them is refused: `rows_per_request` is {most:,}"
    yield ""
    rows: list[tuple[str, ...]] = [("field", "class", "leaves as", "values", "example")]
    rows += [_field(one, seen) for one in seen.fields]
    yield from _columns(rows)
    yield ""
    yield from _alike(seen)
    for number, pair in enumerate(seen.pairs[:show], 1):
        yield ""
        yield f"record {number}"
        yield from _columns([
            (f"  {name}", _said(pair.before[name]), "->", _after(seen, name, after))
            for name, after in pair.after.items()
        ])  # fmt: skip


def _field(one: FieldSeen, seen: Seen) -> tuple[str, ...]:
    counts = f"{one.before:,} -> {one.after:,}"
    for count, word in ((one.masked, "masked"), (one.missing, "missing")):
        counts += f", {count:,} {word}" if count else ""
    example = ""
    if one.example is not None:
        example = f"{_said(one.example[0])} -> {_after(seen, one.name, one.example[1])}"
    return one.name, one.field_class.value, one.mask, counts, example


def _after(seen: Seen, name: str, value: Masked) -> str:
    if isinstance(value, Marker):
        return f"({value.value})"
    if isinstance(seen.rule.provision.release[name], Pseudonym):
        # The keys are of this run alone: no exchange gives this code.
        return f"{str(value)[:_KEYED]}…"
    return _said(value)


def _said(value: Scalar) -> str:
    if value is None:
        return "(nothing)"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).replace("+00:00", "Z")
    return text if len(text) <= _WIDEST else text[:_WIDEST] + "…"


def _alike(seen: Seen) -> Iterator[str]:
    before, after = seen.before, seen.after
    assert before is not None  # noqa: S101 - of records both are there
    assert after is not None  # noqa: S101
    told = [one.name for one in seen.fields if one.field_class is FieldClass.QUASI_IDENTIFIER]
    yield f"who stands out, by the quasi-identifiers that leave ({', '.join(told) or 'none'})"
    if not after.rows:
        yield "  no record leaves"
        return
    yield from _columns([
        ("", "before", "after"),
        ("  records alone", _share(before), _share(after)),
        (f"  smallest class, in {after.counted}", _least(before), _least(after)),
    ])  # fmt: skip
    if seen.crowd is not None:
        yield f"  `anonymity`: each is among {seen.crowd.people:,} people or more"
        if seen.crowd.held is not None:
            yield f"  a recipient is told that {seen.crowd.held:,} records stay behind"
    yield "  of this sample: among all of the provider's records a class is larger"


def _share(one: Likeness) -> str:
    alone = min(one.alone * one.one_in, one.rows)
    return f"{alone:,} of {one.rows:,} ({alone / one.rows:.1%})"


def _least(one: Likeness) -> str:
    return "not known" if one.smallest is None else f"{one.smallest:,}"


# --- a table --------------------------------------------------------------------------------------


def _table(seen: Seen, show: int) -> Iterator[str]:
    held = [one for one in seen.cells if one.held]
    small = sum(one.held == SMALL for one in held)
    yield f"{seen.read:,} records read, a table of {len(seen.cells):,} cells"
    yield from _stay(seen)
    beside = len(held) - small
    yield f"{len(seen.cells) - len(held):,} cells leave, {len(held):,} are held back"
    if held:
        yield f"  {small:>9,}  are small: under {seen.least}"
        yield f"  {beside:>9,}  would give a small one away"
    if seen.rung:
        yield f"nothing finer can be protected: it is coarser by {seen.rung}"
    leaving = [one.units for one in seen.cells if not one.held and one.units]
    if leaving:
        yield f"the smallest count that leaves, zero aside: {min(leaving):,}"
    told = [one for one in seen.cells if one.units or one.held]
    if show:
        yield ""
        unit = seen.rule.provision.aggregate.unit if seen.rule.provision.aggregate else ""
        rows = [(*seen.dimensions, f"distinct {unit}", *(f"-> {one}" for one in seen.measures), "")]
        rows += [_cell(one) for one in told[:show]]
        yield from _columns(rows)
    if len(told) > show:
        yield f"{len(told) - show:,} cells more; `--show {len(told)}` prints them all"
    if len(told) < len(seen.cells):
        yield f"{len(seen.cells) - len(told):,} cells of nobody leave, and are not printed"


def _cell(one: CellSeen) -> tuple[str, ...]:
    numbers = ("(suppressed)" if value is None else _said(value) for value in one.numbers)
    return (*one.level, f"{one.units:,}", *numbers, one.held)


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows with their columns under one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


# --- for programs ---------------------------------------------------------------------------------


def as_json(seen: Seen) -> dict[str, Any]:
    """Return counts and figures, and no value of a record."""
    provision = seen.rule.provision
    made: dict[str, Any] = {
        "agreement": seen.rule.pact.agreement.ref,
        "provision": provision.id,
        "clause": provision.clause,
        "purpose": seen.rule.purpose,
        "read": seen.read,
        "behind": [{"condition": text, "records": count} for text, count in seen.behind],
        "withheld": list(provision.withhold),
    }
    if seen.before is None or seen.after is None:
        return made | {
            "cells": len(seen.cells),
            "rung": seen.rung or None,
            "small": sum(one.held == SMALL for one in seen.cells),
            "suppressed": sum(bool(one.held) for one in seen.cells),
        }
    fields = [
        {
            "after": one.after,
            "before": one.before,
            "class": one.field_class.value,
            "field": one.name,
            "mask": one.mask,
            "masked": one.masked,
            "missing": one.missing,
        }
        for one in seen.fields
    ]
    return made | {
        "crowd": asdict(seen.crowd) if seen.crowd is not None else None,
        "fields": fields,
        "leave": len(seen.pairs),
        "likeness": {"after": asdict(seen.after), "before": asdict(seen.before)},
    }
