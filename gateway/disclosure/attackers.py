"""Who counts as one attacker: which earlier tables a new one is judged beside. Pure.

A table leaves with a promise: whoever of its group puts together what they hold, they open no cell
of it. The group is everybody, where the agreement says `all`. The promise is of the table for as
long as the record of cells remembers it, and what leaves later to one of that group is a part of
what they put together, whatever the later table's own group is.

Source of the rule: the project's specification of disclosure control, section 8.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Told:
    """To whom a table left, and who counts with it as one attacker.

    Attributes:
        recipient: The agency, by id.
        colluding: Agencies, by id; None for everybody. The recipient itself always counts.
    """

    recipient: str
    colluding: frozenset[str] | None

    def holds(self, agency: str) -> bool:
        """Return whether an agency is of the group to which the promise was made."""
        return self.colluding is None or agency == self.recipient or agency in self.colluding


def judged_together(new: Told, earlier: Sequence[Told]) -> list[bool]:
    """Return for each earlier table whether a new one is judged beside it.

    It is, where one group that was ever promised something, the new table's own included, holds
    both recipients. So a table under `all` binds every later one: from then on each is judged
    beside everything, since everybody may put it beside that table.

    Where a recipient is of two groups, both are taken as one: more is hidden than for each by
    itself, never less.
    """
    promised = [one for one in (new, *earlier) if one.holds(new.recipient)]
    return [any(group.holds(one.recipient) for group in promised) for one in earlier]
