"""What the language can say and this version does not enforce: refused by name, never passed over.

Each line here goes when its issue is done; until then a provision that relies on it cannot load.
A push is the exception: files that use it are written, linted, tested and signed already, so it is
no error of the folder; each such file is left out of force by itself (`pushes`), and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Level
from gateway.agreement.lint.rule import (
    AgreementRule,
    Case,
    Fault,
    ProvisionRule,
    agreement_rule,
    provision_rule,
)
from gateway.agreement.measure_forms import BUILT
from gateway.masks.numbers import Band
from gateway.masks.places import Zip3
from gateway.masks.plain import Constant, Pass
from gateway.masks.tables import Map, RareToOther
from gateway.masks.times import Truncate

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement

ID: Final = "not-enforced-yet"
NOT_YET: Final = "is not enforced yet by this version, so it cannot load"


@agreement_rule(ID)
def witness(_folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """A witness is not waited for yet."""
    if read.model.log.witness != "none":
        yield ("log", "witness"), f"`witness: required` {NOT_YET}"


@provision_rule(ID)
def provision(case: Case) -> Iterator[Fault]:
    """Deadlines of a pull are not carried out yet."""
    given = case.provision
    if given.delivery.mode == "pull":
        for key in ("deadline", "hold"):
            if getattr(given.delivery, key) is not None:
                yield case.under("delivery", key), f"`{key}` of a pull {NOT_YET}"
    if given.aggregate is not None:
        yield from _table(case, given.aggregate)


@provision_rule("push-not-loaded", Level.INFO)
def push(case: Case) -> Iterator[Fault]:
    """A file with a push is good, and no gateway of this version puts it in force."""
    if case.provision.delivery.mode == "push":
        message = "`mode: push` is not carried out yet: the file is sound, and no gateway loads it"
        yield case.under("delivery", "mode"), message


def pushes(agreement: Agreement) -> bool:
    """Return whether an agreement delivers anything by push, and so stays out of force whole."""
    return any(one.delivery.mode == "push" for one in agreement.provisions)


def _table(case: Case, table: Aggregate) -> Iterator[Fault]:
    path = case.under("aggregate")
    yield from _measures(case, table)
    given = table.disclosure
    if given.zeros != "publish":
        # Such a dimension lists the values that the data hold: to be listed is to be at least one.
        for name in sorted(open_dimensions(case, table)):
            message = f"`zeros: {given.zeros}` beside `{name}`, whose values are open, {NOT_YET}"
            yield (*path, "disclosure", "zeros"), message
    for key in given.options:
        yield (*path, "disclosure", key), f"`{key}` {NOT_YET}"


def _measures(case: Case, table: Aggregate) -> Iterator[Fault]:
    path = case.under("aggregate", "measures")
    for one in table.measures:
        if one.function not in BUILT:
            yield (*path, one.name), f"the measure `{one.function}` {NOT_YET}"
        elif one.function == "count_distinct" and one.field != table.unit:
            message = f"`count_distinct` of `{one.field}`, which is not the unit, {NOT_YET}"
            yield (*path, one.name), message


def open_dimensions(case: Case, table: Aggregate) -> set[str]:
    """Return the dimensions that have no closed list of values."""
    return {
        field.name
        for field, mask in case.released()
        if field.name in table.dimensions
        and not isinstance(mask, (Band, Constant, Map, RareToOther, Truncate, Zip3))
        and not (isinstance(mask, Pass) and field.codes in case.folder.codes.model.lists)
    }


RULES: tuple[ProvisionRule, ...] = (provision, push)
AGREEMENT_RULES: tuple[AgreementRule, ...] = (witness,)
