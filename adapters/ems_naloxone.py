"""Naloxone in one EMS report: what was given, how much, by whom, and what the record does not say.

Section 2.1 of the domain page holds the rules. A code that carries a pertinent negative was not
given, whatever stands beside it; a record without medications does not say that none was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from adapters.canonical import codes
from adapters.ems_cases import NALOXONE, Dose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapters.batches import Value

_RXNORM = "9924003"
_MILLIGRAMS = {"3706021": Decimal(1), "3706015": Decimal("0.001")}
_YES, _NO = "9923003", "9923001"
_ROUTE = re.compile(r"99270[0-9]{2}")
_STATUS_WITHOUT_DOSES = frozenset({None, "not_recorded"})

_E = "eMedications."
_SOURCE = "NEMSIS 3.5.1 eMedications."


@dataclass(frozen=True, slots=True)
class Medication:
    """One eMedications.MedicationGroup: text of its elements, None where nil or absent.

    Attributes:
        code: eMedications.03.
        code_type: Its @CodeType; absent on older exports, where the three codes can only be RxNorm.
        negative: Its @PN.
        null: Its @NV.
        before, route, amount, unit, response, role: eMedications.02, .04, .05, .06, .07, .10.
    """

    code: str | None
    code_type: str | None
    negative: str | None
    null: str | None
    before: str | None
    route: str | None
    amount: str | None
    unit: str | None
    response: str | None
    role: str | None

    @property
    def is_naloxone(self) -> bool:
        """Whether the code, given or denied, is naloxone."""
        return self.code in NALOXONE and self.code_type in (_RXNORM, None)

    @property
    def dose(self) -> Dose:
        """The group as case definitions see it."""
        return Dose(self.code, self.negative is not None, self.response)


def fields(groups: Sequence[Medication], notice: Callable[[str, str], None]) -> Mapping[str, Value]:
    """Return the naloxone fields of a report.

    Args:
        groups: All its medication groups, in order.
        notice: Told of codes and units that the mapping does not know, by element.
    """
    given = [group for group in groups if group.is_naloxone and group.negative is None]
    status = "given" if given else _status(groups, notice)
    return {
        "naloxone_status": status,
        "naloxone_doses": None if status in _STATUS_WITHOUT_DOSES else len(given),
        "naloxone_total_mg": _milligrams(given, notice),
        "naloxone_routes": _distinct(given, "route", _route, notice),
        "naloxone_before_ems": _before(given),
        "naloxone_given_by": _distinct(given, "role", _role, notice),
        "naloxone_response": _response(given, notice),
    }


def _status(groups: Sequence[Medication], notice: Callable[[str, str], None]) -> str | None:
    for group in groups:
        if group.is_naloxone and group.negative is not None:
            return _known("naloxone_status", "03/@PN", group.negative, notice)
    if any(group.code is not None for group in groups):
        return "not_given"
    for group in groups:
        if group.null is not None:
            return _known("naloxone_status", "03/@NV", group.null, notice)
    return "not_recorded"


def _known(
    name: str, element: str, spelling: str, notice: Callable[[str, str], None]
) -> str | None:
    code = codes(name, _SOURCE + element).get(spelling)
    if code is None:
        notice("unknown-code", _E + element)
    return code


def _milligrams(given: Sequence[Medication], notice: Callable[[str, str], None]) -> float | None:
    total: Decimal | None = Decimal(0)
    for group in given:
        mass = _mass(group, notice)
        total = None if total is None or mass is None else total + mass
    return float(total) if given and total is not None else None


def _mass(group: Medication, notice: Callable[[str, str], None]) -> Decimal | None:
    if group.amount is None or group.unit is None:
        return None
    scale = _MILLIGRAMS.get(group.unit)
    if scale is None:
        notice("unknown-unit", _E + "06")
        return None
    try:
        amount = Decimal(group.amount)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        notice("unknown-value", _E + "05")
        return None
    return amount * scale


def _distinct(
    given: Sequence[Medication],
    part: str,
    read: Callable[[str], str | None],
    notice: Callable[[str, str], None],
) -> tuple[str, ...] | None:
    spelt = [text for group in given if (text := getattr(group, part)) is not None]
    if not spelt:
        return None
    found = {read(text) for text in spelt}
    if None in found:
        notice("unknown-code", _E + {"route": "04", "role": "10"}[part])
        return None
    return tuple(sorted(code for code in found if code is not None))


def _route(text: str) -> str | None:
    known = codes("naloxone_route", _SOURCE + "04").get(text)
    return known or ("other" if _ROUTE.fullmatch(text) else None)


def _role(text: str) -> str | None:
    return codes("naloxone_given_by", _SOURCE + "10").get(text)


def _before(given: Sequence[Medication]) -> bool | None:
    said = {group.before for group in given}
    if _YES in said:
        return True
    return False if said and said <= {_NO} else None


def _response(given: Sequence[Medication], notice: Callable[[str, str], None]) -> str | None:
    said = {group.response for group in given if group.response is not None}
    best = [_known("medication_response", "07", text, notice) for text in sorted(said)]
    return next((code for code in ("improved", "unchanged", "worse") if code in best), None)
