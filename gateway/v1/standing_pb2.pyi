import datetime

from gateway.v1 import audit_pb2 as _audit_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecordConsentRequest(_message.Message):
    __slots__ = ("subjects", "purpose", "granted", "document")
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    subjects: _containers.RepeatedCompositeFieldContainer[_audit_pb2.Subject]
    purpose: str
    granted: bool
    document: str
    def __init__(self, subjects: _Optional[_Iterable[_Union[_audit_pb2.Subject, _Mapping]]] = ..., purpose: _Optional[str] = ..., granted: _Optional[bool] = ..., document: _Optional[str] = ...) -> None: ...

class RecordConsentResponse(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    def __init__(self, index: _Optional[int] = ...) -> None: ...

class ListConsentsRequest(_message.Message):
    __slots__ = ("subjects",)
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    subjects: _containers.RepeatedCompositeFieldContainer[_audit_pb2.Subject]
    def __init__(self, subjects: _Optional[_Iterable[_Union[_audit_pb2.Subject, _Mapping]]] = ...) -> None: ...

class ConsentWord(_message.Message):
    __slots__ = ("index", "purpose", "granted")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    index: int
    purpose: str
    granted: bool
    def __init__(self, index: _Optional[int] = ..., purpose: _Optional[str] = ..., granted: _Optional[bool] = ...) -> None: ...

class ListConsentsResponse(_message.Message):
    __slots__ = ("words",)
    WORDS_FIELD_NUMBER: _ClassVar[int]
    words: _containers.RepeatedCompositeFieldContainer[ConsentWord]
    def __init__(self, words: _Optional[_Iterable[_Union[ConsentWord, _Mapping]]] = ...) -> None: ...

class ListDutiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OwedDuty(_message.Message):
    __slots__ = ("exchange_id", "duty", "due", "agreement", "provision")
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    DUTY_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    PROVISION_FIELD_NUMBER: _ClassVar[int]
    exchange_id: str
    duty: str
    due: _timestamp_pb2.Timestamp
    agreement: str
    provision: str
    def __init__(self, exchange_id: _Optional[str] = ..., duty: _Optional[str] = ..., due: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., agreement: _Optional[str] = ..., provision: _Optional[str] = ...) -> None: ...

class ListDutiesResponse(_message.Message):
    __slots__ = ("duties",)
    DUTIES_FIELD_NUMBER: _ClassVar[int]
    duties: _containers.RepeatedCompositeFieldContainer[OwedDuty]
    def __init__(self, duties: _Optional[_Iterable[_Union[OwedDuty, _Mapping]]] = ...) -> None: ...

class AttestDutyRequest(_message.Message):
    __slots__ = ("exchange_id", "duty")
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    DUTY_FIELD_NUMBER: _ClassVar[int]
    exchange_id: str
    duty: str
    def __init__(self, exchange_id: _Optional[str] = ..., duty: _Optional[str] = ...) -> None: ...

class AttestDutyResponse(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    def __init__(self, index: _Optional[int] = ...) -> None: ...
