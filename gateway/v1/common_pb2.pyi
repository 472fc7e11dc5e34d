import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Operator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATOR_UNSPECIFIED: _ClassVar[Operator]
    OPERATOR_EQ: _ClassVar[Operator]
    OPERATOR_NE: _ClassVar[Operator]
    OPERATOR_IN: _ClassVar[Operator]
    OPERATOR_NOT_IN: _ClassVar[Operator]
    OPERATOR_LT: _ClassVar[Operator]
    OPERATOR_LTE: _ClassVar[Operator]
    OPERATOR_GT: _ClassVar[Operator]
    OPERATOR_GTE: _ClassVar[Operator]
OPERATOR_UNSPECIFIED: Operator
OPERATOR_EQ: Operator
OPERATOR_NE: Operator
OPERATOR_IN: Operator
OPERATOR_NOT_IN: Operator
OPERATOR_LT: Operator
OPERATOR_LTE: Operator
OPERATOR_GT: Operator
OPERATOR_GTE: Operator

class Value(_message.Message):
    __slots__ = ("truth", "integer", "real", "text", "binary", "date", "timestamp", "decimal")
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BINARY_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    DECIMAL_FIELD_NUMBER: _ClassVar[int]
    truth: bool
    integer: int
    real: float
    text: str
    binary: bytes
    date: int
    timestamp: int
    decimal: str
    def __init__(self, truth: _Optional[bool] = ..., integer: _Optional[int] = ..., real: _Optional[float] = ..., text: _Optional[str] = ..., binary: _Optional[bytes] = ..., date: _Optional[int] = ..., timestamp: _Optional[int] = ..., decimal: _Optional[str] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class Rows(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Row]
    def __init__(self, rows: _Optional[_Iterable[_Union[Row, _Mapping]]] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("field", "operator", "values")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    field: str
    operator: Operator
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, field: _Optional[str] = ..., operator: _Optional[_Union[Operator, str]] = ..., values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class Mask(_message.Message):
    __slots__ = ("name", "arguments")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    arguments: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, name: _Optional[str] = ..., arguments: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("name", "type", "field_class", "mask")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FIELD_CLASS_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    field_class: str
    mask: Mask
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., field_class: _Optional[str] = ..., mask: _Optional[_Union[Mask, _Mapping]] = ...) -> None: ...

class Duty(_message.Message):
    __slots__ = ("kind", "due", "text")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    due: _timestamp_pb2.Timestamp
    text: str
    def __init__(self, kind: _Optional[str] = ..., due: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., text: _Optional[str] = ...) -> None: ...

class Terms(_message.Message):
    __slots__ = ("provider", "recipient", "dataset", "purpose", "fields", "where")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    provider: str
    recipient: str
    dataset: str
    purpose: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    where: _containers.RepeatedCompositeFieldContainer[Condition]
    def __init__(self, provider: _Optional[str] = ..., recipient: _Optional[str] = ..., dataset: _Optional[str] = ..., purpose: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ..., where: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("exchange_id", "agreement", "agreement_digest", "provision", "clause", "plan_digest", "columns", "duties", "sealed_to", "rung", "rounded_to", "noise")
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PROVISION_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    DUTIES_FIELD_NUMBER: _ClassVar[int]
    SEALED_TO_FIELD_NUMBER: _ClassVar[int]
    RUNG_FIELD_NUMBER: _ClassVar[int]
    ROUNDED_TO_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    exchange_id: str
    agreement: str
    agreement_digest: bytes
    provision: str
    clause: str
    plan_digest: bytes
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    duties: _containers.RepeatedCompositeFieldContainer[Duty]
    sealed_to: str
    rung: str
    rounded_to: int
    noise: Noise
    def __init__(self, exchange_id: _Optional[str] = ..., agreement: _Optional[str] = ..., agreement_digest: _Optional[bytes] = ..., provision: _Optional[str] = ..., clause: _Optional[str] = ..., plan_digest: _Optional[bytes] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., duties: _Optional[_Iterable[_Union[Duty, _Mapping]]] = ..., sealed_to: _Optional[str] = ..., rung: _Optional[str] = ..., rounded_to: _Optional[int] = ..., noise: _Optional[_Union[Noise, _Mapping]] = ...) -> None: ...

class Noise(_message.Message):
    __slots__ = ("mechanism", "rho", "scale", "bound")
    MECHANISM_FIELD_NUMBER: _ClassVar[int]
    RHO_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    mechanism: str
    rho: str
    scale: str
    bound: str
    def __init__(self, mechanism: _Optional[str] = ..., rho: _Optional[str] = ..., scale: _Optional[str] = ..., bound: _Optional[str] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("offset", "row_count", "digest", "arrow", "rows", "sealed")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ARROW_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    offset: int
    row_count: int
    digest: bytes
    arrow: bytes
    rows: Rows
    sealed: bytes
    def __init__(self, offset: _Optional[int] = ..., row_count: _Optional[int] = ..., digest: _Optional[bytes] = ..., arrow: _Optional[bytes] = ..., rows: _Optional[_Union[Rows, _Mapping]] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("exchange_id", "row_count", "index", "leaf", "meta", "salt", "proof")
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    exchange_id: str
    row_count: int
    index: int
    leaf: bytes
    meta: bytes
    salt: bytes
    proof: str
    def __init__(self, exchange_id: _Optional[str] = ..., row_count: _Optional[int] = ..., index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., meta: _Optional[bytes] = ..., salt: _Optional[bytes] = ..., proof: _Optional[str] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "step", "message", "agreement", "provision", "clause", "index")
    REASON_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    PROVISION_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    reason: str
    step: int
    message: str
    agreement: str
    provision: str
    clause: str
    index: int
    def __init__(self, reason: _Optional[str] = ..., step: _Optional[int] = ..., message: _Optional[str] = ..., agreement: _Optional[str] = ..., provision: _Optional[str] = ..., clause: _Optional[str] = ..., index: _Optional[int] = ...) -> None: ...
