"""The schemas say what the parser says, as far as a schema can: neither knows a key alone."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest

from gateway.agreement import parse
from gateway.agreement.finding import FindingsError
from gateway.agreement.schema.files import SCHEMAS, name, schema_files
from gateway.agreement.yaml import read
from tests.data import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.agreement.dataset import Dataset

AGREEMENTS = ROOT / "agreements"
HERE: Final = Path(__file__).parent / "schema_files"


@functools.cache
def _dataset() -> Dataset:
    return parse.dataset(read((HERE / "dataset.yaml").read_bytes(), file="dataset.yaml"))


PARSE: dict[str, Any] = {
    "Agreement": parse.agreement,
    "Floor": parse.floor,
    "Agencies": parse.agencies,
    "Purposes": parse.purposes,
    "Dataset": parse.dataset,
    "Codes": parse.codes,
    "Tests": lambda document: parse.tests(document, {"some.thing@1": _dataset()}),
}
WRONG: Final[tuple[Any, ...]] = (
    "no such word!",
    "",
    7,
    -1,
    True,
    [],
    {},
    ["all"],
    {"nobody": 1},
    "x" * 300,
)
"""Values that hardly any place takes."""


@functools.cache
def whole(kind: str) -> Any:  # noqa: ANN401 - YAML
    """Return a file of this kind in which every key of the language stands once."""
    file = f"{kind.lower()}.yaml"
    return read((HERE / file).read_bytes(), file=file).value


@functools.cache
def validator(kind: str) -> jsonschema.protocols.Validator:
    """Return the validator of one kind of file."""
    return jsonschema.Draft7Validator(SCHEMAS[kind]())


def parses(kind: str, value: dict[str, Any]) -> bool:
    """Return whether the parser takes a value as a file of this kind."""
    try:
        PARSE[kind](read(json.dumps(value, ensure_ascii=False).encode(), file="a.yaml"))
    except FindingsError:
        return False
    return True


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - YAML
    """Yield the path of everything below a value; of a list the first and last item only."""
    if path:
        yield path
    below: list[Any] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = [(n, value[n]) for n in sorted({0, len(value) - 1}) if value]
    for key, one in below:
        yield from places(one, (*path, key))


def changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:  # noqa: ANN401 - YAML
    """Return a copy with another value at a place."""
    made = copy.deepcopy(value)
    at = made
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = new
    return made


def without(value: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - YAML
    """Return a copy without what is at a place."""
    made = copy.deepcopy(value)
    at = made
    for part in path[:-1]:
        at = at[part]
    del at[path[-1]]
    return made


def test_schemas_are_as_generated() -> None:
    """What ships in `agreements/schema` is what the program writes, and nothing else."""
    written = {path.name: path.read_text("utf-8") for path in (AGREEMENTS / "schema").iterdir()}

    assert schema_files() == written


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_key_has_a_description(kind: str) -> None:
    """Whatever an editor shows, it can explain."""
    jsonschema.Draft7Validator.check_schema(SCHEMAS[kind]())

    def bare(schema: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON
        if isinstance(schema, dict):
            for key, one in schema.get("properties", {}).items():
                if isinstance(one, dict) and not {"description", "$ref"} & one.keys():
                    yield f"{path}.{key}"
            for key, one in schema.items():
                if key not in {"if", "then"}:
                    yield from bare(one, f"{path}.{key}")
        elif isinstance(schema, list):
            for number, one in enumerate(schema):
                yield from bare(one, f"{path}[{number}]")

    without_words = [place for place in bare(SCHEMAS[kind](), kind) if ".automatic" not in place]
    assert [] == without_words


def test_every_file_that_ships_is_valid() -> None:
    """Editors find nothing wrong with the county's own files."""
    wrong: dict[str, list[str]] = {}
    for path in sorted(AGREEMENTS.rglob("*.yaml")):
        value = read(path.read_bytes(), file=path.name).value
        found = [error.message[:200] for error in validator(value["kind"]).iter_errors(value)]
        wrong |= {path.name: found} if found else {}

    assert {} == wrong


def test_files_name_their_schema() -> None:
    """The first lines of every file tell editors where its schema lies."""
    wrong = []
    for path in sorted(AGREEMENTS.rglob("*.yaml")):
        text = path.read_text("utf-8")
        up = "../" * (len(path.relative_to(AGREEMENTS).parts) - 1)
        line = f"# yaml-language-server: $schema={up}schema/"
        kind = next(one for one in text.splitlines() if one.startswith("kind: ")).split()[1]
        if line + name(kind) not in text.splitlines()[:5]:
            wrong.append(str(path.relative_to(AGREEMENTS)))

    assert [] == wrong


NAMED: Final = frozenset({"dimensions", "fields"})
"""Lists and mappings whose names other keys of the file refer to: that is the parser's to see."""


def differences(kind: str, several: Sequence[tuple[str | int, ...]]) -> list[Any]:
    """Return the places where schema and parser differ once a key is missing, or too many."""
    value = whole(kind)
    differ = []
    for path in several:
        at = functools.reduce(lambda one, part: one[part], path, value)
        tried = [] if len(path) > 1 and path[-2] in NAMED else [without(value, path)]
        if isinstance(at, dict) and path[-2:-1] != ("rows",):  # their keys are fields
            tried.append(changed(value, path, at | {"unheard_of": 1}))
        differ += [path for one in tried if validator(kind).is_valid(one) != parses(kind, one)]
    return differ


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schema_and_parser_know_the_same_keys(kind: str) -> None:
    """A key that is missing or unknown is refused by both or by neither, wherever it stands."""
    assert parses(kind, whole(kind))
    assert validator(kind).is_valid(whole(kind))

    everywhere = list(places(whole(kind)))
    assert [] == differences(kind, everywhere[:: SHARE.get(kind, 1)])


SHARE: Final = {"Agreement": 7}
"""Of a large file one place in so many is tried each time, and all of them in a sweep."""


@pytest.mark.long
@pytest.mark.parametrize("kind", SHARE)
def test_schema_and_parser_know_the_same_keys_everywhere(kind: str) -> None:
    """The same at every place."""
    assert [] == differences(kind, list(places(whole(kind))))


@pytest.mark.long
@pytest.mark.parametrize("kind", SCHEMAS)
def test_what_a_schema_refuses_the_parser_refuses(kind: str) -> None:
    """An editor marks nothing that the gateway takes."""
    value = whole(kind)
    stricter = [
        (path, new)
        for path in places(value)
        if path != ("kind",)
        for new in WRONG
        for one in [changed(value, path, new)]
        if not validator(kind).is_valid(one) and parses(kind, one)
    ]

    assert [] == stricter
