"""The words of an exchange as values: agencies, datasets, requests, headers, chunks.

Everything here is frozen and plain: no I/O, no clock, no protobuf. What crosses a module boundary
in Accord is one of these, or a type that proves a check was made (`Grant`, `Plan`, `Release`,
`Logged`).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

Scalar: TypeAlias = bool | int | float | str | bytes | dt.date | dt.datetime | Decimal | None
"""One value of a record or a condition. A list<string> field travels as its canonical JSON text."""

Row: TypeAlias = dict[str, Scalar]
"""One record, by field name.

Lists are tuples of text only inside adapters; on the wire they are JSON text.
"""

DIGEST_BYTES = 32


class AgencyKind(StrEnum):
    """What an agency is; prohibitions and profiles speak of kinds."""

    EMS = "ems"
    FIRE = "fire"
    LAW_ENFORCEMENT = "law_enforcement"
    PROSECUTOR = "prosecutor"
    IMMIGRATION = "immigration"
    CORRECTIONS = "corrections"
    PUBLIC_HEALTH = "public_health"
    HARM_REDUCTION = "harm_reduction"
    HOSPITAL = "hospital"
    MEDICAL_EXAMINER = "medical_examiner"
    SUD_TREATMENT = "sud_treatment"
    PHARMACY = "pharmacy"
    UNIVERSITY = "university"


class FieldClass(StrEnum):
    """How much a field says about a person."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    OPERATIONAL = "operational"


class FieldType(StrEnum):
    """The closed set of types; `ARROW` of `plan.pushdown` says what each is in a batch."""

    STRING = "string"
    CODE = "code"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    LIST = "list<string>"


class Means(StrEnum):
    """What a field says, whatever it is called."""

    NAME = "name"
    DATE_OF_BIRTH = "date_of_birth"
    PHONE = "phone"
    ADDRESS = "address"
    ZIP = "zip"
    COUNTY = "county"
    TRACT = "tract"
    COORDINATES = "coordinates"
    PLACE = "place"
    AGE = "age"
    AGE_GROUP = "age_group"
    EVENT_TIME = "event_time"
    PERSON_ID = "person_id"
    RECORD_ID = "record_id"
    INCIDENT_ID = "incident_id"
    AGENCY = "agency"
    OPT_OUT = "opt_out"
    CONSENT = "consent"
    OTHER = "other"


class Regime(StrEnum):
    """Law that follows the data."""

    HIPAA = "hipaa"
    PART2 = "part2"
    CJIS = "cjis"
    FERPA = "ferpa"
    NONE = "none"


class Shape(StrEnum):
    """How records leave."""

    RECORD = "record"
    AGGREGATE = "aggregate"


class Operator(StrEnum):
    """The closed set of comparisons; `within` reaches the wire as two instants."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"


class Form(StrEnum):
    """How chunks leave."""

    ARROW = "arrow"
    ARROW_ZSTD = "arrow_zstd"
    ROWS = "rows"


class Precision(StrEnum):
    """What a date or time is good for, finest first."""

    INSTANT = "instant"
    MINUTE = "minute"
    HOUR = "hour"
    PART_OF_DAY = "part_of_day"
    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    UNKNOWN = "unknown"


_DATASET = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+)@([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True, order=True)
class DatasetId:
    """A dataset with its version, written `ems.overdose_run@1`."""

    name: str
    version: int

    @classmethod
    def parse(cls, text: str) -> DatasetId | None:
        """Return the dataset that `text` names, or None where it is not of the form."""
        match = _DATASET.fullmatch(text)
        return cls(match[1], int(match[2])) if match else None

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Condition:
    """`field op values`; null satisfies none of them, `ne` and `not_in` included."""

    field: str
    op: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked for. `where` only narrows, and only by fields that pass unmasked."""

    provider: str
    recipient: str
    dataset: DatasetId
    purpose: str
    fields: tuple[str, ...]
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an agency by its certificate, and a person in a role where a token says so.

    Attributes:
        agency: Id of the agency in `agencies.yaml`.
        thumbprint: SHA-256 of the leaf certificate.
        person: The token's subject, an agency-local id; empty without a token.
        roles: The token's roles; empty without a token.
    """

    agency: str
    thumbprint: bytes
    person: str = ""
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a cut exchange goes on: its id, the rows held, and the stream value up to there."""

    exchange_id: str
    offset: int
    stream: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one caller. `request_id` is the caller's UUID, the idempotency key."""

    request_id: str
    terms: Terms
    caller: Caller
    form: Form = Form.ARROW
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class MaskNote:
    """A mask as the header tells it: its name in the closed set, and its parameters as text."""

    name: str
    arguments: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Both in a line: in the log, and in officers' words."""
        return " ".join((self.name, *self.arguments))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of what leaves, or of what an adapter holds."""

    name: str
    type: FieldType
    field_class: FieldClass
    mask: MaskNote = MaskNote("pass")


@dataclass(frozen=True, slots=True)
class Duty:
    """What the recipient owes: a kind, a due time where there is one, and its text."""

    kind: str
    due: dt.datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class NoiseNote:
    """The noise of a table, in exact figures: counts may be negative, and are not clipped.

    Attributes:
        mechanism: `discrete_gaussian`.
        rho: What the table spends of zero-concentrated differential privacy, a decimal.
        scale: Standard deviation of the noise in each cell, a decimal.
        bound: The most cells that one person is counted in.
    """

    mechanism: str
    rho: str
    scale: str
    bound: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a recipient is told before the first record.

    Attributes:
        rounded_to: Every number of the table is the nearest multiple of this, each rounded by
            itself, so that totals need not add up; 0 where nothing is rounded.
        noise: Of a table with noise: how much; None where numbers are exact.
        rung: The last rung of the agreement's ladder that was taken: nothing finer is in the table.
            Empty where the whole table could be protected.
    """

    exchange_id: str
    agreement: str
    agreement_digest: bytes
    provision: str
    clause: str
    plan_digest: bytes
    columns: tuple[Column, ...]
    duties: tuple[Duty, ...]
    rounded_to: int = 0
    noise: NoiseNote | None = None
    rung: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one message carries: the bytes of an Arrow stream, or typed rows, with their digest.

    Attributes:
        offset: Rows of the release before this chunk.
        row_count: Rows in it.
        digest: SHA-256 as section 3.6 of the log's specification says, by form.
        arrow: A whole Arrow IPC stream of one record batch; None in the rows form.
        rows: Values in the order of the header's columns; None in the arrow forms.
    """

    offset: int
    row_count: int
    digest: bytes
    arrow: bytes | None = None
    rows: tuple[tuple[Scalar, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What both sides keep of an exchange: the last release entry, opened, and its inclusion proof.

    Attributes:
        index: Place of the last release entry in the log.
        leaf: The entry's bytes.
        meta: The entry's metadata, as committed to.
        salt: What the commitment was made with.
        proof: A `c2sp.org/tlog-proof@v1` text, checkpoint included.
    """

    exchange_id: str
    row_count: int
    index: int
    leaf: bytes
    meta: bytes
    salt: bytes
    proof: str


def canonical_json(value: object) -> bytes:
    """Return the one spelling of `value`: sorted keys, no spaces, ASCII, finite numbers."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def list_text(items: tuple[str, ...] | list[str]) -> str:
    """Return how a `list<string>` travels: the compact JSON array of its texts."""
    return canonical_json(list(items)).decode("ascii")


_HEX = "[0-9a-f]"
_LIST_CHARACTER = "|".join(
    (
        r"[ !#-\[\]-\x7f]",  # printed as itself
        r'\\["\\bfnrt]',
        rf"\\u000[0-7bef]|\\u001{_HEX}",  # controls without a letter of their own
        rf"\\u00[89a-f]{_HEX}|\\u0[1-9a-f]{_HEX}{{2}}|\\u[1-9abcef]{_HEX}{{3}}|\\ud[0-7]{_HEX}{{2}}",
        rf"\\ud[89ab]{_HEX}{{2}}\\ud[c-f]{_HEX}{{2}}",  # a pair, never half of one
    )
)
_LIST_ITEM = rf'"(?:{_LIST_CHARACTER})*"'
LIST_PATTERN = rf"^\[(?:{_LIST_ITEM}(?:,{_LIST_ITEM})*)?\]$"
"""The one spelling of a `list<string>` as text; every engine reads lists by this expression."""

_LIST_TEXT = re.compile(LIST_PATTERN)


def text_list(text: Scalar) -> tuple[str, ...] | None:
    """Return the texts of a `list<string>`; None where `text` is not its one spelling."""
    if not isinstance(text, str) or not _LIST_TEXT.match(text) or text.endswith("\n"):
        return None
    return tuple(json.loads(text))


_UUID7_VERSION = 0x7
_UUID_VARIANT = 0b10


def uuid7(now: dt.datetime, random: bytes) -> str:
    """Return the UUIDv7 (RFC 9562 section 5.7) of this millisecond and these 10 random bytes."""
    millis = int(now.timestamp() * 1000)
    tail = int.from_bytes(random[:10], "big")
    value = (
        (millis & (1 << 48) - 1) << 80
        | _UUID7_VERSION << 76
        | (tail >> 68 & 0xFFF) << 64
        | _UUID_VARIANT << 62
        | tail & (1 << 62) - 1
    )
    return uuid_text(value.to_bytes(16, "big"))


def uuid_text(data: bytes) -> str:
    """Return the text of a UUID's 16 bytes."""
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
