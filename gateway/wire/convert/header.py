"""Header, receipt and refusal, on the wire and as values.

The gateway writes them; a recipient's client reads them back, and there a message that breaks a
rule is an error like any other from outside.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

from gateway.v1 import common_pb2
from gateway.values import (
    Column,
    Duty,
    FieldClass,
    FieldType,
    Header,
    MaskNote,
    NoiseNote,
    Receipt,
)
from gateway.wire.convert.faults import DIGEST_BYTES, UUID

if TYPE_CHECKING:
    from gateway.wire.convert.faults import Faults

_TYPES: Final = {kind.value: kind for kind in FieldType}
_CLASSES: Final = {kind.value: kind for kind in FieldClass}
_MECHANISM: Final = re.compile("discrete_gaussian")
_AMOUNT: Final = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,10})?")
_KEPT: Final = 256
_columns: dict[int, tuple[tuple[Column, ...], bytes]] = {}


def from_header(header: Header, message: common_pb2.Header) -> None:
    """Fill in the message of a header, in its place: a copy would cost as much again."""
    # Columns are most of a header and the same object for each exchange under a kept plan, so
    # their bytes are kept by identity; the tuple is kept beside them, so that no id is reused.
    message.MergeFromString(_column_bytes(header.columns))
    message.exchange_id = header.exchange_id
    message.agreement = header.agreement
    message.agreement_digest = header.agreement_digest
    message.provision = header.provision
    message.clause = header.clause
    message.plan_digest = header.plan_digest
    if header.duties:
        message.duties.extend([from_duty(duty) for duty in header.duties])
    message.rounded_to = header.rounded_to
    if header.noise is not None:
        message.noise.CopyFrom(from_noise(header.noise))
    message.rung = header.rung


def _column_bytes(columns: tuple[Column, ...]) -> bytes:
    kept = _columns.get(id(columns))
    if kept is not None and kept[0] is columns:
        return kept[1]
    message = common_pb2.Header(columns=[from_column(column) for column in columns])
    data = message.SerializeToString()
    if len(_columns) >= _KEPT:
        _columns.clear()
    _columns[id(columns)] = (columns, data)
    return data


def from_column(column: Column) -> common_pb2.Column:
    """Return the message of a column."""
    arguments = [common_pb2.Value(text=text) for text in column.mask.arguments]
    return common_pb2.Column(
        name=column.name,
        type=column.type,
        field_class=column.field_class,
        mask=common_pb2.Mask(name=column.mask.name, arguments=arguments),
    )


def from_duty(duty: Duty) -> common_pb2.Duty:
    """Return the message of a duty."""
    return common_pb2.Duty(kind=duty.kind, due=duty.due, text=duty.text)


def from_noise(noise: NoiseNote) -> common_pb2.Noise:
    """Return the message of a table's noise."""
    return common_pb2.Noise(
        mechanism=noise.mechanism, rho=noise.rho, scale=noise.scale, bound=noise.bound
    )


def from_receipt(receipt: Receipt, message: common_pb2.Receipt) -> None:
    """Fill in the message of a receipt."""
    message.exchange_id = receipt.exchange_id
    message.row_count = receipt.row_count
    message.index = receipt.index
    message.leaf = receipt.leaf
    message.meta = receipt.meta
    message.salt = receipt.salt
    message.proof = receipt.proof


def to_header(message: common_pb2.Header, faults: Faults, path: str = "header") -> Header:
    """Return the header of a message, or note what is wrong with it.

    A permit is the header of no exchange, and has no exchange id.
    """
    if message.exchange_id or path != "permit":
        faults.match(message.exchange_id, UUID, f"{path}.exchange_id", "is not a UUID")
    for name in ("agreement_digest", "plan_digest"):
        if len(getattr(message, name)) != DIGEST_BYTES:
            faults.add(f"{path}.{name}", "is not 32 bytes")
    if message.rounded_to < 0:
        faults.add(f"{path}.rounded_to", "is negative")
    return Header(
        message.exchange_id,
        message.agreement,
        message.agreement_digest,
        message.provision,
        message.clause,
        message.plan_digest,
        tuple(
            to_column(column, faults, f"{path}.columns[{index}]")
            for index, column in enumerate(message.columns)
        ),
        tuple(
            _to_duty(duty, faults, f"{path}.duties[{index}]")
            for index, duty in enumerate(message.duties)
        ),
        message.rounded_to,
        _to_noise(message.noise, faults, f"{path}.noise") if message.HasField("noise") else None,
        message.rung,
    )


def to_column(message: common_pb2.Column, faults: Faults, path: str) -> Column:
    """Return the column of a message, or note what is wrong with it."""
    kind, field_class = _TYPES.get(message.type), _CLASSES.get(message.field_class)
    if kind is None:
        faults.add(f"{path}.type", "is not a type of this version")
        kind = FieldType.STRING
    if field_class is None:
        faults.add(f"{path}.field_class", "is not a class of this version")
        field_class = FieldClass.DIRECT_IDENTIFIER
    arguments = tuple(value.text for value in message.mask.arguments)
    return Column(message.name, kind, field_class, MaskNote(message.mask.name, arguments))


def _to_duty(message: common_pb2.Duty, faults: Faults, path: str) -> Duty:
    due = None
    if message.HasField("due"):
        try:
            due = message.due.ToDatetime(tzinfo=dt.UTC)
        except (ValueError, OverflowError):
            faults.add(f"{path}.due", "is not in the years 1 to 9999")
    return Duty(message.kind, due, message.text)


def _to_noise(message: common_pb2.Noise, faults: Faults, path: str) -> NoiseNote:
    # Another mechanism has another meaning: its figures must not be read as these.
    faults.match(message.mechanism, _MECHANISM, f"{path}.mechanism", "is none of this version")
    for name in ("rho", "scale", "bound"):
        faults.match(getattr(message, name), _AMOUNT, f"{path}.{name}", "is not a decimal")
    return NoiseNote(message.mechanism, message.rho, message.scale, message.bound)


def to_receipt(message: common_pb2.Receipt, faults: Faults, path: str = "receipt") -> Receipt:
    """Return the receipt of a message, or note what is wrong with it."""
    faults.match(message.exchange_id, UUID, f"{path}.exchange_id", "is not a UUID")
    if message.row_count < 0 or message.index < 0:
        faults.add(path, "has a negative number")
    return Receipt(
        message.exchange_id,
        message.row_count,
        message.index,
        message.leaf,
        message.meta,
        message.salt,
        message.proof,
    )
