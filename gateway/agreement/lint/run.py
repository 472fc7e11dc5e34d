"""All rules over one folder: what `lint`, load, signing and CI ask.

A finding of level E refuses load, signing and CI; S signing and CI; W warns. Rules about single
files (YAML, keys, words) are the readers' own, and come with `read_folder`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint import (
    basis,
    classes,
    conditions,
    datasets,
    derived,
    exceptions,
    fields,
    fixtures,
    flows,
    grids,
    impossible,
    levels,
    mask_rules,
    nevers,
    noise,
    profile,
    rounding,
    search,
    tables,
    terms,
    tested,
    unbuilt,
)
from gateway.agreement.lint.folder import Folder, read_folder
from gateway.agreement.lint.rule import AgreementRule, FolderRule, ProvisionRule, cases

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping

PROVISION_RULES: Final[tuple[ProvisionRule, ...]] = (
    *fields.RULES,
    *mask_rules.RULES,
    *profile.RULES,
    *basis.RULES,
    *conditions.RULES,
    *nevers.RULES,
    *tables.RULES,
    *rounding.RULES,
    *exceptions.RULES,
    *search.RULES,
    *derived.RULES,
    *impossible.RULES,
    *noise.RULES,
    *levels.RULES,
    *classes.RULES,
    *flows.RULES,
    *unbuilt.RULES,
)
AGREEMENT_RULES: Final[tuple[AgreementRule, ...]] = (
    *terms.RULES,
    *basis.AGREEMENT_RULES,
    *unbuilt.AGREEMENT_RULES,
)
FOLDER_RULES: Final[tuple[FolderRule, ...]] = (
    *nevers.FOLDER_RULES,
    *tables.FOLDER_RULES,
    *grids.FOLDER_RULES,
    *flows.FOLDER_RULES,
    *datasets.FOLDER_RULES,
    *tested.FOLDER_RULES,
    *fixtures.FOLDER_RULES,
)
READING_RULES: Final = frozenset(
    {
        "yaml-duplicate-key",
        "yaml-ambiguous-scalar",
        "yaml-alias",
        "yaml-encoding",
        "yaml-syntax",
        "unknown-key",
        "missing-key",
        "wrong-value",
        "wildcard",
        "mask-unknown",
        "mask-parameter",
        "document-hash-missing",
        "clause-missing",
        "compelled-route-missing",
        "term-open-ended",
        "never-empty",
        "field-unknown",
        "signature-invalid",
        "floor-missing",
        "missing-file",
        "unknown-file",
    }
)
"""Ids that reading a file can give; all of them are of level E."""


def every(_name: str) -> bool:
    """Return that a file is meant, whichever it is."""
    return True


def lint(
    folder: Folder, now: dt.datetime, *, named: Callable[[str], bool] = every
) -> tuple[Finding, ...]:
    """Return what is wrong with a folder whose files could be read, in the order of the files.

    Args:
        folder: From `read_folder`, whose own findings stand beside these.
        now: This instant, UTC: terms, reviews and determinations run out.
        named: Whose agreements and provisions are looked at one by one; what only several files
            show together is found in all of them.
    """
    found: list[Finding] = []
    for folder_rule in FOLDER_RULES:
        found += folder_rule.findings(folder)
    for read in filter(lambda one: named(one.file), folder.agreements):
        for agreement_rule in AGREEMENT_RULES:
            found += agreement_rule.findings(folder, read, now)
    for case in filter(lambda one: named(one.read.file), cases(folder)):
        for rule in PROVISION_RULES:
            found += rule.findings(case)
    return tuple(sorted(found, key=lambda one: (one.file, one.line, one.column, one.rule)))


def check(
    files: Mapping[str, bytes],
    now: dt.datetime,
    *,
    tables: frozenset[str] | None = None,
    tested: bool = False,
    named: Callable[[str], bool] = every,
) -> tuple[Folder | None, tuple[Finding, ...]]:
    """Return the folder in `files` and everything that is wrong with it.

    The folder is None where too little of it could be read to lint. It is fit for use only where no
    finding refuses, and no agreement is left out by `named`, as in `lint`: ask `refusing`.
    """
    folder, found = read_folder(files, tables=tables, tested=tested)
    return folder, (*found, *(lint(folder, now, named=named) if folder is not None else ()))


def refusing(found: Iterable[Finding], *, signing: bool = False) -> tuple[Finding, ...]:
    """Return the findings that refuse a load, or a signature."""
    levels = (Level.ERROR, Level.SIGNING) if signing else (Level.ERROR,)
    return tuple(one for one in found if one.level in levels)
