"""The strict reader: each row of section 5 of the agreements' reference, both sides."""

from __future__ import annotations

import time

import pytest

from gateway.agreement.places import Place
from gateway.agreement.yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES, YamlError, read

DUPLICATE, SCALAR, ALIAS, ENCODING, SYNTAX = (
    "yaml-duplicate-key",
    "yaml-ambiguous-scalar",
    "yaml-alias",
    "yaml-encoding",
    "yaml-syntax",
)


def rules(data: bytes | str) -> list[tuple[str, int, int]]:
    """Return rule, line and column of each finding; fail where there is none."""
    with pytest.raises(YamlError) as caught:
        read(data if isinstance(data, bytes) else data.encode(), file="x.yaml")
    return [(f.rule, f.line, f.column) for f in caught.value.findings]


def value(text: str) -> object:
    """Return what the text says."""
    return read(text.encode(), file="x.yaml").value


def test_a_plain_file_reads_as_it_looks() -> None:
    """Mappings, lists, text, integers and the two booleans come through, in order."""
    text = 'a: one\nb: [1, -2, true, false, "1.10"]\nc: {d: P30D, e: 42 CFR 2.54}\n'

    expected = {
        "a": "one",
        "b": [1, -2, True, False, "1.10"],
        "c": {"d": "P30D", "e": "42 CFR 2.54"},
    }
    assert expected == value(text)


def test_places_are_those_of_keys_and_items() -> None:
    """Each entry and item knows its line and column, counted from 1."""
    document = read(b"a: one\nb: [x, {c: z}]\n", file="x.yaml")

    assert Place(1, 1) == document.places.nearest(("a",))
    assert Place(2, 5) == document.places.nearest(("b", 0))
    assert Place(2, 9) == document.places.nearest(("b", 1, "c"))
    assert Place(2, 8) == document.places.nearest(("b", 1, "missing"))
    assert "x.yaml:2:5 error r: m" == document.finding("r", ("b", 0), "m").text()


def test_every_place_is_told_in_the_order_of_the_file() -> None:
    """The whole, each entry by its key and each item by its own beginning, and no other."""
    document = read(b"a: one\nb: [x, {c: z}]\nd: {}\n", file="x.yaml")

    expected = {
        (): (1, 1),
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", 0): (2, 5),
        ("b", 1): (2, 8),
        ("b", 1, "c"): (2, 9),
        ("d",): (3, 1),
    }
    assert list(expected.items()) == list(document.places.every())


def test_a_key_twice_names_both_lines() -> None:
    """The same key twice in one mapping refuses, and says where both stand."""
    with pytest.raises(YamlError, match="stands in line 1 and in line 3"):
        read(b"a: 1\nb: 2\na: 3\n", file="x.yaml")
    assert [(DUPLICATE, 1, 11)] == rules("{a: {b: 1, b: 2}}".replace("{a: ", "a: ")[:-1])


def test_a_key_once_in_each_of_two_mappings_stands() -> None:
    """The same key in two mappings is two keys."""
    assert {"a": {"b": 1}, "c": {"b": 2}} == value("a: {b: 1}\nc: {b: 2}\n")


@pytest.mark.parametrize(
    "scalar",
    [
        *[
            "NO",
            "no",
            "No",
            "on",
            "On",
            "ON",
            "yes",
            "Yes",
            "YES",
            "off",
            "OFF",
            "True",
            "TRUE",
            "False",
            "FALSE",
            "y",
            "Y",
            "n",
            "N",
        ],
        *[
            "1.10",
            "2.1",
            "1.0e+3",
            ".nan",
            ".NaN",
            ".inf",
            "-.inf",
            "+.INF",
            "1.",
            ".5",
            "2.1.0",
            "1e3",
            "1E3",
            "-1e-3",
            "1.5e3",
        ],
        *[
            "12:30",
            "190:20:30",
            "1:30.5",
            "0755",
            "010",
            "08",
            "0o17",
            "0x1F",
            "0b11",
            "1_000",
            "+5",
            "-0",
            "-01",
        ],
        "1000000000000000",
        *["2027-01-01", "2027-1-1", "2027-01-01T00:00:00Z"],
        "2027-01-01 00:00:00",
        *["~", "null", "Null", "NULL"],
        "",
        "=",
    ],
)
def test_what_two_readers_disagree_about_is_refused_unless_quoted(scalar: str) -> None:
    """A plain word that YAML 1.1 or 1.2 takes for something else is refused; quoted it is text."""
    assert [(SCALAR, 1)] == [(rule, line) for rule, line, _ in rules(f"a: {scalar}\n")]
    assert {"a": scalar} == value(f'a: "{scalar}"\n')


@pytest.mark.parametrize(
    "scalar",
    ["P30D", "12:3O", "9f2c41d0", "America/New_York", "yesterday", "nil", "1b", "a=b", "3-4", "-x"],
)
def test_text_that_every_reader_takes_for_text_stands(scalar: str) -> None:
    """A plain word that no reader takes for a number, boolean or date needs no quotes."""
    assert {"a": scalar} == value(f"a: {scalar}\n")


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [("0", 0), ("-1", -1), ("999999999999999", 999999999999999), ("true", True), ("false", False)],
)
def test_integers_and_the_two_booleans_are_values(scalar: str, expected: object) -> None:
    """Integers of at most fifteen digits, `true` and `false` are read as such."""
    assert {"a": expected} == value(f"a: {scalar}\n")


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\n",
        "a: &x [1]\n",
        "a: 1\nb: *x\n",
        "a: {b: 1}\n<<: {c: 1}\n",
        "a: !!set {b}\n",
        "a: !!binary aGk=\n",
        'a: !!int "3"\n',
        "a: !x y\n",
        "a: ! y\n",
        "%YAML 1.1\n---\na: 1\n",
        "%TAG ! tag:x,2000:\n---\na: 1\n",
        "a: 1\n---\nb: 2\n",
    ],
)
def test_what_hides_terms_is_refused(text: str) -> None:
    """Anchors, aliases, merge keys, tags, directives and second documents are refused."""
    assert [ALIAS] == [rule for rule, _, _ in rules(text)]


def test_an_expansion_bomb_stops_at_its_first_anchor() -> None:
    """Nested aliases are refused at the first anchor, before anything grows."""
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )

    assert [(ALIAS, 1, 4)] == rules(bomb)


@pytest.mark.parametrize("key", ["1", "on", "~", "? [a, b]\n", "? {a: b}\n", "n", "2027-01-01"])
def test_a_key_is_a_string(key: str) -> None:
    """Keys that are not text to every reader, and keys that are collections, are refused."""
    assert SCALAR == rules(f"{key}: 1\n")[0][0]


def test_the_key_y_of_a_public_key_stands() -> None:
    """`y`, a coordinate of a JWK, is a key; as a value it is refused."""
    assert {"jwk": {"x": "AA", "y": "BB"}} == value("jwk: {x: AA, y: BB}\n")


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfa: 1\n",
        "a: 1\n".encode("utf-16"),
        "a: 1\n".encode("utf-16-le"),
        b"a: \xff\n",
        "a: x\u202ey\n".encode(),
        "a: x\u00a0y\n".encode(),
        "a: x\u200by\n".encode(),
        "a: x\u3164y\n".encode(),
        "# \u2066 in a comment\na: 1\n".encode(),
        "a: cafe\u0301\n".encode(),
        b"a: x\ty\n",
        b"a:\n\tb: 1\n",
        b"a: x\x07\n",
        b"a: x\x00\n",
        b"a: 1\rb: 2\n",
        "a: x\u2028b: 2\n".encode(),
        "\u0430: 1\n".encode(),
        b'a: "x\\u202ey"\n',
        b'a: "x\\ny"\n',
        b'a: "cafe\\u0301"\n',
    ],
)
def test_a_file_looks_like_what_it_says(data: bytes) -> None:
    """Marks, other encodings, characters that do not show and unlike spellings are refused."""
    assert [ENCODING] == [rule for rule, _, _ in rules(data)]


def test_a_hidden_character_has_line_and_column() -> None:
    """The place of a character that does not show is told."""
    assert [(ENCODING, 2, 5)] == rules("a: 1\nb: x\u202e\n")


def test_letters_of_other_scripts_stand_in_values() -> None:
    """An accent in normal form C is text, with either line end."""
    assert {"a": "Zoë", "b": "x"} == value("a: Zoë\r\nb: x\r\n")


@pytest.mark.parametrize("text", ["a: |\n  x\n", "a: >\n  x\n"])
def test_block_scalars_are_refused(text: str) -> None:
    """Block scalars hide line ends."""
    assert [(SCALAR, 1, 4)] == rules(text)


@pytest.mark.parametrize("text", ["a: [1\n", "a: b: c\n", "a: {b: 1]\n", "- a\nb: 1\n", "a: @x\n"])
def test_what_is_not_yaml_has_a_place(text: str) -> None:
    """A syntax error is a finding with line and column, not a traceback."""
    [(rule, line, column)] = rules(text)
    assert SYNTAX == rule
    assert line >= 1
    assert column >= 1


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "word\n", "---\n"])
def test_a_file_is_one_mapping(text: str) -> None:
    """An empty file, a list or a word is refused."""
    assert rules(text)


def test_depth_twelve_stands_and_thirteen_is_refused() -> None:
    """The limit of depth has two sides; the mapping of the file counts as one."""
    deep = MAX_DEPTH - 1
    assert value("a: " + "[" * deep + "x" + "]" * deep + "\n")
    assert [(ENCODING, 1, 15)] == rules("a: " + "[" * (deep + 1) + "x" + "]" * (deep + 1) + "\n")


@pytest.mark.parametrize("depth", [5_000, 200_000])
def test_deep_nesting_is_refused_at_once(depth: int) -> None:
    """Thousands of open lists are refused at the thirteenth, without recursion."""
    begun = time.perf_counter()

    assert [(ENCODING, 1, 15)] == rules("a: " + "[" * depth)

    assert time.perf_counter() - begun < 1.0


def test_nodes_are_counted() -> None:
    """20,000 nodes stand, one more is refused."""
    items = MAX_NODES - 3  # the mapping, its key and the list
    assert value("a: [" + "x," * items + "]\n")
    assert [ENCODING] == [rule for rule, _, _ in rules("a: [" + "x," * (items + 1) + "]\n")]


def test_bytes_are_counted() -> None:
    """256 KiB stand, one byte more is refused."""
    head = b"a: x\n#"
    assert read(head + b"." * (MAX_BYTES - len(head)), file="x.yaml").value
    assert [(ENCODING, 1, 1)] == rules(head + b"." * (MAX_BYTES - len(head) + 1))


def test_faults_that_do_not_endanger_the_reader_are_told_together() -> None:
    """Several ambiguous scalars come in one error, in the order of the file."""
    expected = [(SCALAR, 1, 4), (SCALAR, 2, 4), (DUPLICATE, 3, 1)]

    assert expected == rules("a: NO\nb: 1.10\na: x\n")


def test_a_flood_of_faults_is_cut() -> None:
    """No more than fifty findings are collected."""
    assert 50 == len(rules("".join(f"k{i}: NO\n" for i in range(500))))
