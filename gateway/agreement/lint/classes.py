"""Rules about `anonymity`: it is of records, and asks for what the released fields can give.

Fewer than two people, or than one value, are refused where the file is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.finding import Level
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.agreement.strength import tells_nothing
from gateway.masks.plain import Pass
from gateway.values import FieldClass

if TYPE_CHECKING:
    from collections.abc import Iterator


@provision_rule("anonymity-misplaced")
def records(case: Case) -> Iterator[Fault]:
    """Classes are of records; the cells of a table have their own threshold."""
    if case.provision.anonymity is not None and case.provision.aggregate is not None:
        yield case.under("anonymity"), "`anonymity` of a table: `min_cell` is its threshold"


@provision_rule("anonymity-empty")
def sensitive(case: Case) -> Iterator[Fault]:
    """Different values are asked only of sensitive fields that leave: else the word is hollow."""
    given = case.provision.anonymity
    if given is None or given.l == 1 or case.dataset is None:
        return
    leaving = [
        field
        for field, mask in case.released()
        if field.field_class is FieldClass.SENSITIVE and not tells_nothing(mask)
    ]
    if not leaving:
        message = f"`l` of {given.l} values, and no sensitive field leaves"
        yield case.under("anonymity", "l"), message


@provision_rule("anonymity-named", Level.WARNING)
def named(case: Case) -> Iterator[Fault]:
    """A row that names its person or its record is hidden in no class."""
    if case.provision.anonymity is None:
        return
    for field, mask in case.released():
        if field.field_class is FieldClass.DIRECT_IDENTIFIER and isinstance(mask, Pass):
            message = f"`{field.name}` names each row, whatever class it is in"
            yield case.under("release", field.name), message


RULES: tuple[ProvisionRule, ...] = (records, sensitive, named)
