"""Every schema by its file's name, and their one spelling: generated, never edited."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gateway.agreement.schema import agreement, registry, rules, testing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.agreement.schema.base import Schema

SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "Agreement": agreement.agreement,
    "Floor": rules.floor,
    "Agencies": registry.agencies,
    "Purposes": registry.purposes,
    "Dataset": registry.dataset,
    "Codes": registry.codes,
    "Tests": testing.tests,
}
"""By the `kind` that a file states."""


def name(kind: str) -> str:
    """Return the name of the schema's file."""
    return f"{kind.lower()}.schema.json"


def schema_files() -> Mapping[str, str]:
    """Return the text of each schema by its file's name."""
    return {
        name(kind): json.dumps(make(), indent=1, ensure_ascii=False) + "\n"
        for kind, make in SCHEMAS.items()
    }
