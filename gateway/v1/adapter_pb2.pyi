from gateway.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Function(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FUNCTION_UNSPECIFIED: _ClassVar[Function]
    FUNCTION_COUNT: _ClassVar[Function]
    FUNCTION_COUNT_DISTINCT: _ClassVar[Function]
    FUNCTION_SUM: _ClassVar[Function]
FUNCTION_UNSPECIFIED: Function
FUNCTION_COUNT: Function
FUNCTION_COUNT_DISTINCT: Function
FUNCTION_SUM: Function

class GroupKey(_message.Message):
    __slots__ = ("name", "field", "mask")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    name: str
    field: str
    mask: _common_pb2.Mask
    def __init__(self, name: _Optional[str] = ..., field: _Optional[str] = ..., mask: _Optional[_Union[_common_pb2.Mask, _Mapping]] = ...) -> None: ...

class Measure(_message.Message):
    __slots__ = ("name", "field", "function")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    field: str
    function: Function
    def __init__(self, name: _Optional[str] = ..., field: _Optional[str] = ..., function: _Optional[_Union[Function, str]] = ...) -> None: ...

class Grouping(_message.Message):
    __slots__ = ("keys", "measures")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    MEASURES_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[GroupKey]
    measures: _containers.RepeatedCompositeFieldContainer[Measure]
    def __init__(self, keys: _Optional[_Iterable[_Union[GroupKey, _Mapping]]] = ..., measures: _Optional[_Iterable[_Union[Measure, _Mapping]]] = ...) -> None: ...

class Dataset(_message.Message):
    __slots__ = ("name", "columns", "groups")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    name: str
    columns: _containers.RepeatedCompositeFieldContainer[_common_pb2.Column]
    groups: bool
    def __init__(self, name: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[_common_pb2.Column, _Mapping]]] = ..., groups: _Optional[bool] = ...) -> None: ...

class ListDatasetsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDatasetsResponse(_message.Message):
    __slots__ = ("datasets",)
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    datasets: _containers.RepeatedCompositeFieldContainer[Dataset]
    def __init__(self, datasets: _Optional[_Iterable[_Union[Dataset, _Mapping]]] = ...) -> None: ...

class ScanRequest(_message.Message):
    __slots__ = ("exchange_id", "plan_digest", "terms", "grouping", "limit_rows", "batch_rows")
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    GROUPING_FIELD_NUMBER: _ClassVar[int]
    LIMIT_ROWS_FIELD_NUMBER: _ClassVar[int]
    BATCH_ROWS_FIELD_NUMBER: _ClassVar[int]
    exchange_id: str
    plan_digest: bytes
    terms: _common_pb2.Terms
    grouping: Grouping
    limit_rows: int
    batch_rows: int
    def __init__(self, exchange_id: _Optional[str] = ..., plan_digest: _Optional[bytes] = ..., terms: _Optional[_Union[_common_pb2.Terms, _Mapping]] = ..., grouping: _Optional[_Union[Grouping, _Mapping]] = ..., limit_rows: _Optional[int] = ..., batch_rows: _Optional[int] = ...) -> None: ...

class Quarantined(_message.Message):
    __slots__ = ("reason", "row_count")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    reason: str
    row_count: int
    def __init__(self, reason: _Optional[str] = ..., row_count: _Optional[int] = ...) -> None: ...

class ScanResponse(_message.Message):
    __slots__ = ("batch", "quarantined")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    batch: _common_pb2.Batch
    quarantined: _containers.RepeatedCompositeFieldContainer[Quarantined]
    def __init__(self, batch: _Optional[_Union[_common_pb2.Batch, _Mapping]] = ..., quarantined: _Optional[_Iterable[_Union[Quarantined, _Mapping]]] = ...) -> None: ...
