"""Tokens on their way into a plan: which a batch needs, and the plan that has them. Pure.

A token is drawn outside the core. The core says by which keyed indexes it is asked for, and takes
what was drawn as one more table of the plan, joined by key: no value goes out, and none may lack.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import polars as pl

from gateway.errors import Reason, ReleaseError
from gateway.masks.identity import Method, Pseudonym, canon, keyed
from gateway.plan import lower_texts
from gateway.plan.distinct import FEW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from gateway.plan.ops import MaskField, Plan


def by_token(plan: Plan) -> tuple[MaskField, ...]:
    """Return the plan's masks that need the vault."""
    return tuple(
        one
        for one in plan.masks
        if isinstance(one.mask, Pseudonym) and one.mask.method is Method.TOKEN
    )


def wanted(masks: Sequence[MaskField], batch: pa.RecordBatch) -> dict[str, frozenset[str]]:
    """Return the indexes of the values of a batch, by scope: the id of their key.

    Args:
        masks: From `by_token`.
        batch: Original values of rows that stay: for a row that does not, no token is drawn.
    """
    found: dict[str, frozenset[str]] = {}
    for one in masks:
        column = batch.column(one.name).unique().drop_null()
        # Two fields of one scope share their tokens: one value is one person, in either.
        found[one.key_id] = found.get(one.key_id, frozenset()) | _indexes(one, column)
    return found


def _indexes(one: MaskField, column: Any) -> frozenset[str]:  # noqa: ANN401 - an array of text
    if len(column) <= FEW:
        index = keyed(one.inputs)
        texts = (canon(value) for value in column.to_pylist())
        return frozenset(index(text) for text in texts if text is not None)
    frame = pl.DataFrame({one.name: column})
    made = frame.select(lower_texts.keyed(pl.col(one.name), one.inputs))
    return frozenset(made.to_series().drop_nulls().to_list())


def covered(
    plan: Plan, asked: Mapping[str, frozenset[str]], drawn: Mapping[str, Mapping[str, str]]
) -> Plan:
    """Return the plan with the vault's tokens, by scope, in the tables of its masks.

    Raises:
        ReleaseError: The vault did not cover what it was asked for.
    """
    for scope, indexes in asked.items():
        if not indexes <= drawn[scope].keys():
            message = "the vault did not cover every value of a pseudonym"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
    vaulted = {one.name for one in by_token(plan)}
    masks = tuple(
        dataclasses.replace(one, inputs=dataclasses.replace(one.inputs, table=drawn[one.key_id]))
        if one.name in vaulted
        else one
        for one in plan.masks
    )
    return dataclasses.replace(plan, masks=masks)
