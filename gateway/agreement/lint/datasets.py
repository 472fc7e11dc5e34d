"""Rules about datasets and the tree of purposes: names, code lists, classes that only rise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import quoted
from gateway.agreement.lint.rule import FolderRule, folder_rule
from gateway.values import FieldClass, FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.places import Path
    from gateway.agreement.yaml import Document

RANK: Final = {
    FieldClass.OPERATIONAL: 0,
    FieldClass.SENSITIVE: 1,
    FieldClass.QUASI_IDENTIFIER: 2,
    FieldClass.DIRECT_IDENTIFIER: 3,
}


@folder_rule("id-filename-mismatch")
def names(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """A dataset's name and version are the name of its file."""
    for name, read in folder.datasets.items():
        if read.file != f"datasets/{name}.yaml":
            yield read.document, ("name",), f"{quoted(name)} is not the name of the file"


@folder_rule("codes-unknown")
def codes(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """A field's codes are a closed list or an open system of `codes.yaml`."""
    known = folder.codes.model.lists.keys() | folder.codes.model.systems
    for read in folder.datasets.values():
        for field in read.model.fields.values():
            path = ("fields", field.name)
            if field.codes is not None and field.codes not in known:
                yield read.document, path, f"`{field.name}`: no codes {quoted(field.codes)}"
            precision = field.name == "time_precision" and field.type is FieldType.CODE
            if precision and field.codes != "time_precision":
                yield read.document, path, "`time_precision` has codes of its own"


@folder_rule("dataset-class-lowered")
def classes(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """A field's class never falls from one version to the next: that would widen by relabelling."""
    for read in folder.datasets.values():
        name, version = read.model.id.name, read.model.id.version
        earlier = folder.datasets.get(f"{name}@{version - 1}")
        if earlier is None:
            continue
        for field in read.model.fields.values():
            before = earlier.model.fields.get(field.name)
            if before is not None and RANK[field.field_class] < RANK[before.field_class]:
                message = f"`{field.name}` was {before.field_class} in version {version - 1}"
                yield read.document, ("fields", field.name), message


@folder_rule("purpose-unknown")
def replacements(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """What replaces a purpose is a leaf itself."""
    leaves = folder.purposes.model.leaves
    for purpose in leaves.values():
        if purpose.replaced_by is not None and purpose.replaced_by not in leaves:
            path = ("purposes", purpose.name, "replaced_by")
            yield folder.purposes.document, path, f"{quoted(purpose.replaced_by)} is no purpose"


FOLDER_RULES: tuple[FolderRule, ...] = (names, codes, classes, replacements)
