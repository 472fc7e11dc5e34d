"""Which files are in force: the newest that are good, and for a bad one its last good version.

Pure. What everything rests on (floor, registry, purposes, codes, datasets, notices) is settled
first, without a single agreement; then agreements are taken one by one, those in force before the
rest and the longest signed first, and one that contradicts what is already there stays out. So a
new file never pushes an old one out of force, whichever of the two a finding names.

A file that is sound but delivers by push stays out by itself: the others are in force without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.agreement.finding import Finding, Level
from gateway.agreement.floored import beneath
from gateway.agreement.lint.folder import (
    FIRM,
    SIGNATURES,
    Folder,
    Read,
    is_agreement,
    read_folder,
)
from gateway.agreement.lint.run import check, lint, refusing
from gateway.agreement.lint.unbuilt import pushes

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping

    from gateway.agreement.model import Agreement

Approve: TypeAlias = "Callable[[Folder], Mapping[str, Finding]]"
"""Returns, by file, why the quorum has not approved it."""

Stood: TypeAlias = "Callable[[Folder, str], bool]"
"""Returns whether an agreement, by its file's stem, was in force in this version before."""

Age: TypeAlias = "Callable[[Folder, str], tuple[dt.datetime, ...]]"
"""Returns since when an agreement, by its file's stem, is signed: what sorts the older first."""

NOT_IN_FORCE: Final = "not-in-force"
"""The rule of a file that is not in force as it lies there."""

_NOT_TIGHTENED: Final = frozenset({"onward-to-prohibited"})
"""What no tightening makes good: to whom the recipient may give it on."""

_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Settled:
    """A set without an error: the files that it comes from, by name, and their reading."""

    files: Mapping[str, bytes]
    folder: Folder


@dataclass(frozen=True, slots=True)
class Settler:
    """Settles the files as they lie there against those in force.

    Attributes:
        good: The files in force; empty where there never was a good set.
        tables: Reference tables that the gateway has.
        now: This instant, UTC.
    """

    good: Mapping[str, bytes]
    tables: frozenset[str]
    now: dt.datetime
    approve: Approve
    age: Age
    stood: Stood

    def settle(self, fresh: Mapping[str, bytes]) -> tuple[Settled | None, list[Finding]]:
        """Return the set to put in force, or None, and what is wrong with the files.

        Every file of the folder that is not in force as it lies there has a finding of its own,
        `not-in-force`, beside those that say why.
        """
        folder, found = check(fresh, self.now, tables=self.tables)
        lacking = self.approve(folder) if folder is not None else {}
        findings = [*found, *lacking.values()]
        if folder is not None and not refusing(findings):
            settled = self._but_pushes(folder, fresh)
            if settled is not None:
                return settled, [*findings, *_kept_out(fresh, settled.files, folder)]
        base = self._base(fresh)
        if base is None:
            return None, findings
        settled = self._agreements(base, fresh)
        return settled, [*findings, *_kept_out(fresh, settled.files, folder)]

    def _but_pushes(self, folder: Folder, fresh: Mapping[str, bytes]) -> Settled | None:
        """Return a sound folder without the files that push.

        None where another file needs one of them, or where one replaces a version in force: what
        stays is then settled file by file.
        """
        out = {one.file for one in folder.agreements if pushes(one.model)}
        if not out:
            return Settled(fresh, folder)
        rest = replace(folder, agreements=tuple(o for o in folder.agreements if o.file not in out))
        if out & self.good.keys() or refusing(lint(rest, self.now)):
            return None
        return Settled({name: data for name, data in fresh.items() if name not in out}, rest)

    # --- what everything rests on ---

    def _base(self, fresh: Mapping[str, bytes]) -> dict[str, bytes] | None:
        """Return the files other than agreements, good together; None where there are none."""
        firm = {name: self.good[name] for name in FIRM if name in self.good}
        files: dict[str, bytes] | None = firm | _rest(fresh)
        for _ in range(_ROUNDS):
            folder, found = check(files or {}, self.now, tables=self.tables)
            bad = {one.file for one in refusing(found)}
            bad |= self.approve(folder).keys() if folder is not None else set()
            if not bad:
                return files
            files = {n: data for n in files or {} if (data := self._instead(n, files or {}, bad))}
        return self._base_before(fresh)

    def _instead(self, name: str, files: Mapping[str, bytes], bad: set[str]) -> bytes | None:
        if name not in bad:
            return files[name]
        if name.endswith(SIGNATURES):
            # A signature file that cannot be read proves nothing; there may be a suspension in it.
            return None
        before = self.good.get(name)
        return before if before != files[name] else None

    def _base_before(self, fresh: Mapping[str, bytes]) -> dict[str, bytes] | None:
        """Return the base in force, with the signatures beside agreements as they lie there now."""
        if not self.good:
            return None
        own = tuple(name.removesuffix(".yaml") + SIGNATURES for name in FIRM)
        files = {
            name: data
            for name, data in _rest(self.good).items()
            if name in own or not name.endswith(SIGNATURES)
        }
        files |= {n: d for n, d in fresh.items() if n.endswith(SIGNATURES) and n not in own}
        _, found = check(files, self.now, tables=self.tables)
        bad = {one.file for one in refusing(found)}
        return {name: data for name, data in files.items() if name not in bad}

    # --- agreements, one by one ---

    def _agreements(self, base: Mapping[str, bytes], fresh: Mapping[str, bytes]) -> Settled:
        new = {name: data for name, data in fresh.items() if is_agreement(name)}
        before = {n: self.good[n] for n in new if n in self.good and self.good[n] != new[n]}
        folder, reads = self._read({**base, **new})
        _, spare = self._read({**base, **before})
        files: dict[str, bytes] = dict(base)
        taken: tuple[Read[Agreement], ...] = ()
        below: set[Finding] = set()
        for name in sorted(new, key=lambda name: self._rank(folder, name, new)):
            for one, data in ((reads.get(name), new[name]), (spare.get(name), before.get(name))):
                if one is None or data is None or pushes(one.model):
                    continue
                trial = replace(folder, agreements=(*taken, one))
                found = set(refusing(lint(trial, self.now))) - below
                if not found or self._floor_rose(trial, name, found):
                    taken, files[name] = trial.agreements, data
                    below |= found
                    break
        in_order = tuple(sorted(taken, key=lambda one: one.file))
        return Settled(files, replace(folder, agreements=in_order))

    def _floor_rose(self, folder: Folder, name: str, found: set[Finding]) -> bool:
        """Return whether nothing but the floor is against a version that was in force before it.

        It then stays, and the strictest wins: what is compiled of it is nowhere below the floor.
        """
        lower = replace(folder, floor=replace(folder.floor, model=beneath(folder.floor.model)))
        still = {one.rule for one in refusing(lint(lower, self.now)) if one.file == name}
        mine = all(one.file == name and one.rule not in _NOT_TIGHTENED for one in found)
        return mine and not still and self.stood(folder, name.removesuffix(".yaml"))

    def _read(self, files: Mapping[str, bytes]) -> tuple[Folder, dict[str, Read[Agreement]]]:
        folder, _ = read_folder(files, tables=self.tables)
        assert folder is not None  # noqa: S101 - its base was read before
        return folder, {one.file: one for one in folder.agreements}

    def _rank(
        self, folder: Folder, name: str, new: Mapping[str, bytes]
    ) -> tuple[bool, tuple[dt.datetime, ...], str]:
        stem = name.removesuffix(".yaml")
        return new[name] != self.good.get(name), self.age(folder, stem), name


def _rest(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if not is_agreement(name)}


def _kept_out(
    fresh: Mapping[str, bytes], files: Mapping[str, bytes], folder: Folder | None
) -> Iterable[Finding]:
    sound = {one.file for one in folder.agreements if pushes(one.model)} if folder else set()
    for name, data in sorted(fresh.items()):
        if files.get(name) == data:
            continue
        said, level = "its last good version stays", Level.ERROR
        if name not in files:
            said = "nothing of it counts"
            if name in sound:
                said, level = "it delivers by push: nothing of it counts yet", Level.INFO
        yield Finding(NOT_IN_FORCE, level, name, 1, 1, said)
    for name in sorted(files.keys() - fresh.keys()):
        said = "it is gone; its last good version stays"
        yield Finding(NOT_IN_FORCE, Level.ERROR, name, 1, 1, said)
