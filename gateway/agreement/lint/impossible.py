"""Rules about cells that are empty by definition: each is named, and could be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.finding import quoted
from gateway.agreement.lint.listed import levels_of
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule

if TYPE_CHECKING:
    from collections.abc import Iterator


@provision_rule("impossible-unsaid")
def unsaid(case: Case) -> Iterator[Fault]:
    """Who says that some zeros are no news says which."""
    if (table := case.provision.aggregate) is None:
        return
    given, path = table.disclosure, case.under("aggregate", "disclosure")
    if given.zeros == "structural" and not given.impossible:
        yield (*path, "zeros"), "`zeros: structural` without `impossible`, which names the cells"
    if given.impossible and given.zeros != "structural":
        yield (*path, "impossible"), f"`impossible` beside `zeros: {given.zeros}`: say `structural`"
    if given.impossible and given.rounded_to:
        message = "`impossible` beside `round`, under which every zero may be something else"
        yield (*path, "impossible"), message


@provision_rule("impossible-unknown")
def unknown(case: Case) -> Iterator[Fault]:
    """What is called impossible is a level that the table would have, of no date."""
    if (table := case.provision.aggregate) is None:
        return
    known = {field.name: levels_of(case, field, mask) for field, mask in case.released()}
    for at, item in enumerate(table.disclosure.impossible):
        path = case.under("aggregate", "disclosure", "impossible", at)
        for name, levels in item:
            if name not in table.dimensions:
                yield (*path, name), f"{quoted(name)} is no dimension of the table"
            elif case.dataset is not None and name == case.dataset.event_date:
                yield (*path, name), f"no cell is impossible by its date, `{name}`"
            elif (closed := known.get(name)) is None:
                message = f"the files do not list the levels of `{name}`, so none is known of it"
                yield (*path, name), message
            else:
                for level in sorted(set(levels) - closed):
                    yield (*path, name), f"{quoted(level)} is no level of `{name}`"


RULES: tuple[ProvisionRule, ...] = (unsaid, unknown)
