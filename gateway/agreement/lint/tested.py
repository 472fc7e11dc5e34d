"""The rule that tests try all that an agreement says: every provision, prohibition and refusal.

It is asked where tests are read: by the officers' verbs, and never by a gateway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.coverage import Ground, coverage
from gateway.agreement.finding import Level
from gateway.agreement.lint.folder import TESTS
from gateway.agreement.lint.rule import FolderRule, folder_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement
    from gateway.agreement.places import Path
    from gateway.agreement.testing import Suite
    from gateway.agreement.yaml import Document


@folder_rule("provision-untested", Level.SIGNING)
def untested(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """Of each provision a grant and a refusal are tested, and what can refuse does so once."""
    if folder.suites is None:
        return
    known = {one.file.removesuffix(".yaml") for one in folder.agreements}
    for stem, suite in folder.suites.items():
        if stem not in known:
            yield suite.document, (), f"there is no `{stem}.yaml` that these could be tests of"
    for read in folder.agreements:
        found = folder.suites.get(read.file.removesuffix(".yaml"))
        if found is None:
            name = read.file.removesuffix(".yaml") + TESTS
            yield read.document, ("provisions",), f"there is no `{name}`: nothing is tested"
        elif found.model.agreement != read.model.ref:
            message = (
                f"these are tests of {found.model.agreement}, and the text is {read.model.ref}"
            )
            yield found.document, ("agreement",), message
        else:
            yield from _lacking(folder, read, found)


def ground_of(folder: Folder, agreement: Agreement) -> Ground:
    """Return what coverage of an agreement in a folder stands on."""
    return Ground(
        agreement,
        folder.floor.model.never,
        folder.registry.model,
        folder.purposes.model,
        folder.schemas,
    )


def _lacking(
    folder: Folder, read: Read[Agreement], suite: Read[Suite]
) -> Iterator[tuple[Document, Path, str]]:
    found = coverage(ground_of(folder, read.model), suite.model.trials)
    for place, one in enumerate(read.model.provisions):
        if one.id in found.provisions.lacking:
            lack = found.provisions.lacking[one.id]
            yield read.document, ("provisions", place), f"{one.id}: no test expects {lack} by it"
    own = {one.id: place for place, one in enumerate(read.model.never)}
    for name in found.nevers.lacking:
        if name in own:
            yield read.document, ("never", own[name]), f"no test is refused that `{name}` forbids"
    floors = [f"`{name}`" for name in found.nevers.lacking if name not in own]
    if floors:
        yield suite.document, ("tests",), f"no test is refused that {_any_of(floors)} forbids"
    if found.reasons.lacking:
        message = f"no test is refused for {_any_of(found.reasons.lacking)}"
        yield suite.document, ("tests",), message


def _any_of(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


FOLDER_RULES: tuple[FolderRule, ...] = (untested,)
