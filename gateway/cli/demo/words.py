"""Masks, conditions and duties in an officer's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.values import MaskNote

_UNITS = {"week_iso": "its week", "hour": "the hour", "day": "the day", "month": "its month"}
_SIGNS = {
    "eq": "is", "ne": "is not", "in": "is one of", "not_in": "is none of",
    "gte": "from", "gt": "after", "lte": "to", "lt": "before",
}  # fmt: skip


_SAID = {
    "pass": "passed on",
    "zip3": "first three digits",
    "round": "rounded to {base}",
    "pseudonym": "pseudonym of this flow",
    "date_shift": "moved by up to {max_days} days",
    "partial": "last {keep_last} characters",
    "clip": "from {low} to {high}",
    "rare_to_other": "rare ones as other",
    "count_list": "how many",
    "has_any": "yes or no",
}


def mask(note: MaskNote) -> str:
    """Return a mask in a few words."""
    given = dict(one.split("=", 1) for one in note.arguments)
    match note.name:
        case "truncate":
            unit = given.get("to", "")
            return f"cut to {_UNITS.get(unit, unit)}"
        case "band":
            if "cuts" in given:
                return "band at " + given["cuts"].replace(",", ", ")
            return f"band of {given.get('width')} years"
        case "age":
            event = given.get("at", "").replace("_", " ")
            return f"age at {event}, {given.get('topcode')} and over together"
        case "map":
            return f"grouped: {given.get('table', '').replace('_', ' ')}"
        case "geo":
            return _place(given)
        case other:
            return _SAID.get(other, other.replace("_", " ")).format_map(given)


def _place(given: Mapping[str, str]) -> str:
    match given.get("to"):
        case "grid" | "h3":
            return f"cell where {given.get('min_people')} live"
        case "donut":
            return f"moved by {given.get('rmin')} to {given.get('rmax')} m"
        case area:
            return f"{area} only"


def conditions(where: Mapping[str, Any]) -> Iterator[str]:
    """Yield what each row had to be, for it to leave."""
    bounds: dict[str, list[str]] = {}
    for name, operator, values in where.get("conditions", ()):
        text = ", ".join(_value(kind, value) for kind, value in values)
        bounds.setdefault(name, []).append(f"{_SIGNS.get(operator, operator)} {text}")
    for name, said in bounds.items():
        yield f"{name} {' '.join(said)}"
    if where.get("consent"):
        yield "the person consented"
    if where.get("opt_out"):
        yield "the person did not opt out"


def _value(kind: str, value: str) -> str:
    return f"{value[:16]} UTC" if kind == "datetime" else value
