"""`accord agreements diff`: what an amendment widens and narrows, and who has to sign it again.

Of agreements, and of what all of them stand on: a floor that is lower lets as much more leave.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.agreement.diff import ground
from gateway.agreement.diff.change import Way
from gateway.agreement.diff.versions import compare
from gateway.agreement.finding import FindingsError, printable
from gateway.agreement.lint.folder import FLOOR, read_folder
from gateway.agreement.yaml import read
from gateway.cli.officers import complain
from gateway.errors import AgreementError, SettingsError
from gateway.library.files import contents
from gateway.library.statements import digest_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.agreement.diff.change import Change
    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement

EXIT_WIDER: Final = 3
KINDS: Final[Mapping[str, str]] = {
    "Floor": ground.FLOOR,
    "Agencies": ground.AGENCIES,
    "Purposes": ground.PURPOSES,
    "Codes": ground.CODES,
}
"""Files that all agreements of a folder stand on, by what they say they are."""

Changes: TypeAlias = "Sequence[tuple[str, Change]]"
"""Each with the id of the agreement that it is of, or the name of what all of them stand on."""


def run_diff(before: str, after: str, fail_on: str, *, as_json: bool) -> int:
    """Print every change, what is wider first; 3 where `--fail-on wider` and something is.

    Raises:
        SettingsError: An option is wrong, or a place is neither a folder nor an agreement's file.
        AgreementError: A side cannot be read.
    """
    if fail_on not in {"", "wider"}:
        raise SettingsError("`--fail-on` is `wider`, or left out")
    changes, signers = between(Path(before), Path(after))
    _print(changes, signers, as_json=as_json)
    wider = any(change.way is Way.WIDENED for _, change in changes)
    return EXIT_WIDER if wider and fail_on else 0


def between(before: Path, after: Path) -> tuple[Changes, Mapping[str, list[str]]]:
    """Return what differs between two folders or files, and who signs which agreement again.

    Raises:
        SettingsError: A place is neither a folder nor an agreement's file.
        AgreementError: A side cannot be read.
    """
    first, named_old = side(before, after)
    second, named_new = side(after, before)
    old, new = _folder(first), _folder(second)
    ids = sorted({*_by_id(old), *_by_id(new)})
    chosen = named_new or named_old
    changes = list(ground.compare_grounds(_ground(old), _ground(new)))
    signers = dict(_quorum(old, new))
    if chosen in KINDS.values():
        return [one for one in changes if one[0] == chosen], signers
    for name in [chosen] if chosen else ids:
        one, other = _by_id(old).get(name), _by_id(new).get(name)
        models = [side.model if side is not None else None for side in (one, other)]
        found = compare(models[0], models[1], (old.schemas, new.schemas))
        changes += [(name, change) for change in found]
        if other is not None and (one is None or digest_in(old, one) != digest_in(new, other)):
            signers[name] = sorted({party.agency for party in other.model.parties.values()})
    return changes, signers


def _ground(folder: Folder) -> ground.Ground:
    return ground.Ground(
        folder.floor.model,
        folder.registry.model,
        folder.purposes.model,
        folder.codes.model,
        folder.notices,
    )


def _quorum(old: Folder, new: Folder) -> Iterator[tuple[str, list[str]]]:
    """Yield each file that the floor's quorum signs again: that of either floor, where both do."""
    members = old.floor.model.quorum_agencies | new.floor.model.quorum_agencies
    for one, other in (
        (old.floor, new.floor),
        (old.registry, new.registry),
        (old.purposes, new.purposes),
    ):
        if one.model.digest != other.model.digest:
            yield other.file.removesuffix(".yaml"), sorted(members)


def _by_id(folder: Folder) -> Mapping[str, Read[Agreement]]:
    return {one.model.id: one for one in folder.agreements}


def side(place: Path, other: Path) -> tuple[dict[str, bytes], str]:
    """Return one side's files, and what of them was named, if a file was.

    A file beside a floor is read with its own folder. Any other stands in for the agreement of its
    id in the other side's: an earlier text, say, out of a version control.

    Raises:
        SettingsError: It is neither a folder nor a file.
        AgreementError: It is a file that cannot be read.
    """
    if place.is_dir():
        return contents(place), ""
    if not place.is_file():
        raise SettingsError(f"{place} is neither a folder of agreements nor an agreement")
    beside = other if other.is_dir() else other.parent
    context = place.parent if (place.parent / FLOOR).exists() else beside
    data = place.read_bytes()
    try:
        said = read(data, file=place.name).value
    except FindingsError as error:
        complain(f"{place} cannot be read", error.findings)
        raise AgreementError(f"{place.name}: cannot be read") from None
    name = KINDS.get(str(said.get("kind")), str(said.get("id", "")))
    if not name:
        raise SettingsError(f"{place} is no agreement, and no file that all of them stand on")
    files = contents(context)
    files[f"{name}.yaml"] = data
    if place.parent == context and place.name != f"{name}.yaml":
        del files[place.name]
    return files, name


def _folder(files: Mapping[str, bytes]) -> Folder:
    folder, findings = read_folder(files)
    if folder is None:
        raise AgreementError(
            "a side of the comparison cannot be read", findings=[one.text() for one in findings]
        )
    return folder


def _print(changes: Changes, signers: Mapping[str, list[str]], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "agreement": name,
                "after": one.after,
                "before": one.before,
                "flow": one.flow.text() if one.flow is not None else None,
                "way": one.way.value,
                "what": one.what,
            }
            for name, one in changes
        ]
        sys.stdout.write(json.dumps({"changes": rows, "sign": signers}, sort_keys=True) + "\n")
        return
    sys.stdout.writelines(printable(line) + "\n" for line in lines_of(changes))
    for name, agencies in sorted(signers.items()):
        who = "the quorum of " if name in KINDS.values() else ""
        sys.stdout.write(printable(f"to sign again: {name}: {who}{', '.join(agencies)}") + "\n")


def lines_of(changes: Changes) -> Iterator[str]:
    """Yield each change in words, what is wider first."""
    last = ""
    for name, one in sorted(changes, key=lambda pair: list(Way).index(pair[1].way)):
        where = one.flow.text() if one.flow is not None else "the whole file"
        head = f"{one.way.value:9}{name}: {where}"
        if head != last:
            yield head
        last = head
        yield f"         {one.what}: {one.before} -> {one.after}"
    if not changes:
        yield "nothing leaves otherwise than before"
