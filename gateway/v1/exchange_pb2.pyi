from gateway.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Format(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORMAT_UNSPECIFIED: _ClassVar[Format]
    FORMAT_ARROW: _ClassVar[Format]
    FORMAT_ARROW_ZSTD: _ClassVar[Format]
    FORMAT_ROWS: _ClassVar[Format]
FORMAT_UNSPECIFIED: Format
FORMAT_ARROW: Format
FORMAT_ARROW_ZSTD: Format
FORMAT_ROWS: Format

class ExchangeRequest(_message.Message):
    __slots__ = ("request_id", "terms", "format", "exchange_id", "offset", "stream")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    terms: _common_pb2.Terms
    format: Format
    exchange_id: str
    offset: int
    stream: bytes
    def __init__(self, request_id: _Optional[str] = ..., terms: _Optional[_Union[_common_pb2.Terms, _Mapping]] = ..., format: _Optional[_Union[Format, str]] = ..., exchange_id: _Optional[str] = ..., offset: _Optional[int] = ..., stream: _Optional[bytes] = ...) -> None: ...

class ExchangeResponse(_message.Message):
    __slots__ = ("header", "batch", "receipt", "held")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.Header
    batch: _common_pb2.Batch
    receipt: _common_pb2.Receipt
    held: _common_pb2.Receipt
    def __init__(self, header: _Optional[_Union[_common_pb2.Header, _Mapping]] = ..., batch: _Optional[_Union[_common_pb2.Batch, _Mapping]] = ..., receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., held: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("terms",)
    TERMS_FIELD_NUMBER: _ClassVar[int]
    terms: _common_pb2.Terms
    def __init__(self, terms: _Optional[_Union[_common_pb2.Terms, _Mapping]] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("permit", "refusal", "reads", "withheld", "undecided", "plan")
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    READS_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    permit: _common_pb2.Header
    refusal: _common_pb2.Refusal
    reads: _containers.RepeatedScalarFieldContainer[str]
    withheld: _containers.RepeatedScalarFieldContainer[str]
    undecided: _containers.RepeatedScalarFieldContainer[str]
    plan: str
    def __init__(self, permit: _Optional[_Union[_common_pb2.Header, _Mapping]] = ..., refusal: _Optional[_Union[_common_pb2.Refusal, _Mapping]] = ..., reads: _Optional[_Iterable[str]] = ..., withheld: _Optional[_Iterable[str]] = ..., undecided: _Optional[_Iterable[str]] = ..., plan: _Optional[str] = ...) -> None: ...
