"""Masks of texts, codes, lists and identifiers as expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl
import polars_hash  # noqa: F401 - registers the `chash` name space

from gateway.masks.base import WHITE_SPACE
from gateway.masks.identity import PLACEHOLDERS, Method, Pseudonym, hmac_key_text
from gateway.masks.lists import CountList, HasAny, readable
from gateway.masks.plain import Pass, list_pattern
from gateway.values import LIST_PATTERN, FieldType, list_text

if TYPE_CHECKING:
    from gateway.masks.base import Inputs
    from gateway.masks.tables import Map, RareToOther
    from gateway.masks.texts import Partial
    from gateway.plan.lower_base import Seen


def pass_(_mask: Pass, seen: Seen) -> pl.Expr:
    """Return the value after a check of it."""
    column, inputs = seen.own, seen.inputs
    match inputs.type:
        case FieldType.NUMBER:
            return pl.when(column.is_finite()).then(column)
        case FieldType.CODE if inputs.codes is not None:
            return column  # the cast to its Enum drops what is not listed
        case FieldType.LIST if inputs.codes is not None:
            return pl.when(column.str.contains(list_pattern(inputs.codes))).then(column)
        case FieldType.LIST:
            return pl.when(column.str.contains(LIST_PATTERN)).then(column)
        case FieldType.STRING | FieldType.CODE:
            return pl.when(column.str.strip_chars(WHITE_SPACE).str.len_bytes() > 0).then(column)
        case _:
            return column


def map_(_mask: Map | RareToOther, seen: Seen) -> pl.Expr:
    """Return the results of the table, of a list those of its items."""
    column, inputs = seen.own, seen.inputs
    if inputs.type is FieldType.LIST:
        return _map_list(column, inputs)
    table = {key: str(to) for key, to in (inputs.table or {}).items()}
    mapped = column.replace_strict(
        list(table), list(table.values()), default=inputs.unmapped, return_dtype=pl.String
    )
    return pl.when(column.is_not_null()).then(mapped)


def _map_list(column: pl.Expr, inputs: Inputs) -> pl.Expr:
    table = {key: str(to) for key, to in (inputs.table or {}).items()}
    # Sorted as they are, and only then quoted: a quote sorts behind a space. Each result is quoted
    # once here, so that the list is written without a step for each row.
    results = sorted({*table.values(), *([inputs.unmapped] if inputs.unmapped is not None else [])})
    quoted = [list_text([to])[1:-1] for to in results]
    items = (
        pl.when(column.str.contains(LIST_PATTERN))
        .then(column)
        .str.json_decode(pl.List(pl.String))
        .list.eval(
            pl.element()
            .replace_strict(
                list(table), list(table.values()), default=inputs.unmapped, return_dtype=pl.String
            )
            .drop_nulls()
            .unique()
            .sort()
            .replace_strict(results, quoted, return_dtype=pl.String)
        )
    )
    return pl.format("[{}]", items.list.join(","))


def partial(mask: Partial, seen: Seen) -> pl.Expr:
    """Return the symbols and the last characters."""
    column = seen.own
    more = column.str.len_chars() > mask.keep_last
    says = column.str.strip_chars(WHITE_SPACE).str.len_bytes() > 0
    kept = pl.concat_str(pl.lit(mask.symbols), column.str.tail(mask.keep_last))
    return pl.when(more & says).then(kept)


def _items(column: pl.Expr, inputs: Inputs) -> pl.Expr:
    """Return the items of lists that can be read; null for the others."""
    good = pl.when(column.str.contains(readable(inputs))).then(column)
    return good.str.json_decode(pl.List(pl.String))


def count_list(_mask: CountList, seen: Seen) -> pl.Expr:
    """Return the number of items."""
    return _items(seen.own, seen.inputs).list.len().cast(pl.Int64)


def has_any(mask: HasAny, seen: Seen) -> pl.Expr:
    """Return whether one of the items is one of the codes."""
    wanted = pl.Series(sorted(set(mask.codes)), dtype=pl.String).implode()
    items = _items(seen.own, seen.inputs)
    return items.list.eval(pl.element().is_in(wanted)).list.any()


def pseudonym(mask: Pseudonym, seen: Seen) -> pl.Expr:
    """Return the HMAC of identifiers in their domain, or what the vault's table has for each."""
    made = keyed(seen.own, seen.inputs)
    if mask.method is Method.HMAC:
        return made
    # Strict: a value that the table does not cover is an error, and never null. No HMAC is empty.
    table = {"": "", **(seen.inputs.table or {})}
    tokens = pl.Series([str(token) for token in table.values()], dtype=pl.String)
    return made.replace_strict(pl.Series(list(table)), tokens, return_dtype=pl.String)


def keyed(column: pl.Expr, inputs: Inputs) -> pl.Expr:
    """Return the HMAC of identifiers under the key of the inputs: null for a placeholder."""
    value = pl.concat_str([pl.lit(inputs.domain + "\x1f"), canonical(column)])
    key = hmac_key_text(inputs.key).decode("ascii")
    made: pl.Expr = value.chash.hmac_sha256(key=key)  # type: ignore[attr-defined]
    return made


_WORDS = "|".join(re.escape(word) for word in PLACEHOLDERS if word)
# One expression for all: most identifiers are longer than any placeholder and fail at once.
_PLACEHOLDER = rf"(?i)^(?:{_WORDS}|9+|x+)?$"


def canonical(column: pl.Expr) -> pl.Expr:
    """Return canon@1 of identifiers, as `masks.identity.canon`: null for a placeholder."""
    composed = column.map_batches(_composed, return_dtype=pl.String(), is_elementwise=True)
    text = composed.str.strip_chars(WHITE_SPACE)
    return pl.when(~text.str.contains(_PLACEHOLDER)).then(text)


def _composed(texts: pl.Series) -> pl.Series:
    """Return texts in NFC; ASCII is so already, and looking for it costs a fraction."""
    if texts.str.len_chars().sum() == texts.str.len_bytes().sum():
        return texts
    return texts.str.normalize("NFC")
