"""Datasets as values: their fields, code maps and subjects, and the code lists they refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.values import AgencyKind, DatasetId, FieldClass, FieldType, Means, Regime


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of a dataset.

    Attributes:
        codes: Name of a closed code list or of an open code system, or None.
        time_precision: For a timestamp: a fixed precision, `per_record`, or None.
    """

    name: str
    type: FieldType
    field_class: FieldClass
    means: Means
    codes: str | None = None
    unit: str | None = None
    time_precision: str | None = None
    free_text: bool = False
    source: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MapTable:
    """A table for the mask `map`: a code map, or a vocabulary whose words map to themselves."""

    name: str
    values: Mapping[str, str]
    unmapped: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a row is about: an identifier space and the fields that make the identifier."""

    system: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named, versioned flat schema."""

    id: DatasetId
    title: str
    grain: str
    provider_kinds: frozenset[AgencyKind]
    unit: str
    person: str | None
    event_date: str | None
    regime: frozenset[Regime]
    subjects: tuple[Subject, ...]
    fields: Mapping[str, FieldRule]
    maps: Mapping[str, MapTable]
    digest: bytes


@dataclass(frozen=True, slots=True)
class CodeLists:
    """Closed code lists by name, and the names of open code systems."""

    version: str
    lists: Mapping[str, tuple[str, ...]]
    systems: frozenset[str]
    digests: Mapping[str, bytes]
