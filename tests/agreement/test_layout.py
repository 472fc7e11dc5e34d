"""The one layout of officers' files: what they say and every comment stay; keys are in order."""

from __future__ import annotations

import ast
import random
import re
from typing import Any

import pytest

from gateway.agreement.canon import digest_of
from gateway.agreement.finding import Level
from gateway.agreement.layout import fmt
from gateway.agreement.layout.fmt import formatted, unformatted
from gateway.agreement.layout.order import FORMS, Form
from gateway.agreement.layout.quote import requoted
from gateway.agreement.layout.write import WIDTH
from gateway.agreement.yaml import YamlError, read
from tests.agreement.county import ROOT, files

FILES = {name: data for name, data in files().items() if name.endswith(".yaml")}


def laid_out(text: str) -> str:
    """Return a text in the one layout."""
    return fmt.laid_out(text.encode(), file="f.yaml").decode()


def comments(text: str) -> list[str]:
    """Return the comments of a text whose scalars hold no number sign."""
    return sorted(one.strip() for one in re.findall(r"#.*", text))


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_says_the_same_and_is_laid_out_once(name: str) -> None:
    """Value, digest and comments stay; a second time changes nothing; only words are too wide."""
    text = FILES[name].decode()

    once = laid_out(text)

    before, after = read(text.encode(), file=name).value, read(once.encode(), file=name).value
    assert (before, digest_of(before)) == (after, digest_of(after))
    assert comments(text) == comments(once)
    assert once == laid_out(once)
    wide = [line for line in once.splitlines() if len(line.partition("  #")[0].rstrip()) > WIDTH]
    assert [] == [line for line in wide if not line.lstrip().startswith("#")]


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ("b: 1\nkind: Agreement\nid: x\n", "kind: Agreement\nid: x\nb: 1\n"),
        ("kind: Other\nid: x\na: v\n", "kind: Other\nid: x\na: v\n"),
        ("a:   {b: 1,c: [x,z]}\n", "a: {b: 1, c: [x, z]}\n"),
        ("a:\n- b: 1\n  c: 2\n-   d\n", "a:\n  - b: 1\n    c: 2\n  - d\n"),
        ("a: 'it''s'\n", 'a: "it\'s"\n'),
        ("a: 'say \"x\" \\'\n", 'a: "say \\"x\\" \\\\"\n'),
        ("a: over two\n  lines\n", "a: over two lines\n"),
        ("a: []\nb: {}\n", "a: []\nb: {}\n"),
        ("a: [b: 1]\n", "a: [{b: 1}]\n"),
        ("---\na: 1\n", "a: 1\n"),
        ("{a: 1, b: [2]}\n", "{a: 1, b: [2]}\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("a: 1\n\n\n\nb: 2\n\n", "a: 1\n\nb: 2\n"),
        ("a: 1", "a: 1\n"),
        ("id: x\n\nkind: Agreement\n", "kind: Agreement\nid: x\n"),
        ("a:\n  - - x\n    - z\n", "a:\n  - - x\n    - z\n"),
    ],
)
def test_one_spelling(there: str, wanted: str) -> None:
    """Indent, blanks, quotes and the order of keys; what was written in lines stays in lines."""
    assert wanted == laid_out(there)


@pytest.mark.parametrize(
    "text",
    [
        "# at the head\na: 1\n",
        "# at the head\n\n# and below\na: 1\n",
        "{a: 1}\n# behind a file in braces\n",
        "a: 1  # behind a value\n",
        "a: {b: 1}  # behind braces\n",
        "a:  # behind a key\n  b: 1\n",
        "a:\n  # above an entry\n  b: 1\n",
        "a:\n  # above an item\n  - b: 1\n    # above a key of it\n    c: 2\n",
        "a: {b: 1,  # in braces\n    c: 2}\n",
        "a: {b: 1,\n    # above in braces\n    c: 2}\n",
        "a: {b: 1,  # behind the last but one\n    c: 2  # behind the last\n   }\n",
        "a: [b\n    # before the end\n   ]\n",
        "a: 1\n\n# after a blank line\nb: 2\n",
        "a: 1\n# at the end\n",
        'a: "no # comment"  # but this\n',
    ],
)
def test_a_comment_stays_where_it_is(text: str) -> None:
    """Above, behind, inside braces, at the end: each place is its own layout."""
    assert text == laid_out(text)


def test_a_comment_goes_with_its_key() -> None:
    """Where keys change places, so do the comments above and behind them; the head stays."""
    text = "# head\nversion: x  # of the version\n# of the id\nid: v\nkind: Agreement\n"

    assert (
        "# head\nkind: Agreement\n# of the id\nid: v\nversion: x  # of the version\n"
    ) == laid_out(text)


def test_names_that_officers_choose_keep_their_order() -> None:
    """Parties, released fields and withheld ones are not sorted, though a field is named `id`."""
    text = (
        "kind: Agreement\nparties:\n  z: {agency: x, kind: ems}\n  a: {agency: v, kind: ems}\n"
        "provisions:\n  - id: P1\n    release: {title: pass, id: pass}\n    withhold: [z, a]\n"
    )

    assert text == laid_out(text)


def words(form: Form) -> set[str]:
    """Return every key that a form orders, and those below."""
    below = [*form.below.values(), *([form.each] if form.each else [])]
    return {*form.keys, *form.below, *(word for one in below for word in words(one))}


def test_every_key_of_the_language_has_its_place() -> None:
    """A key that the parser learns is put into the order too, or it would stand last."""
    ordered = {word for form in FORMS.values() for word in words(form)}
    known = {
        word
        for path in (ROOT.parent / "gateway" / "agreement").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in {"keys", "closed"}
        for argument in call.args
        for one in ast.walk(argument)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
        for word in one.value.split()
    }

    assert set() == known - ordered


def test_wide_braces_are_filled() -> None:
    """Up to the width and not beyond; the next line begins under the first entry."""
    words = [f"word_{n:03}" for n in range(40)]
    lines = laid_out(f"withhold: [{', '.join(words)}]\n").splitlines()

    assert max(map(len, lines)) <= WIDTH
    assert all(len(line) + len(" word_000,") > WIDTH for line in lines[:-1])
    assert {len("withhold: [")} == {len(line) - len(line.lstrip()) for line in lines[1:]}


def test_the_width_is_met_exactly() -> None:
    """A line of 132 characters stays one, of 133 becomes two."""
    fits = f"a: [{'x' * 60}, {'y' * (WIDTH - 67)}]\n"

    assert WIDTH == len(fits) - 1
    assert fits == laid_out(fits)
    assert 2 == laid_out(fits.replace("yy]", "yyy]")).count("\n")


def _shuffled(value: Any, draw: random.Random) -> str:  # noqa: ANN401 - what a file holds
    """Return a value in a layout of no order at all: blanks, breaks and comments anywhere."""
    gap = draw.choice(["", " ", "\n    ", "  # c\n    "])
    if isinstance(value, dict):
        inside = f",{gap} ".join(f'"{k}": {_shuffled(v, draw)}' for k, v in value.items())
        return f"{{{gap} {inside}{gap} }}"
    if isinstance(value, list):
        return f"[{gap} {f',{gap} '.join(_shuffled(one, draw) for one in value)}{gap} ]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f'"{value}"'


@pytest.mark.parametrize("seed", range(20))
def test_any_layout_ends_in_one(seed: int) -> None:
    """However a text is broken and commented, it says the same, loses nothing, and settles."""
    draw = random.Random(seed)  # noqa: S311 - layouts
    value = read(FILES["_floor.yaml"], file="f").value
    text = _shuffled(value, draw) + "\n"

    once = laid_out(text)

    assert value == read(once.encode(), file="f").value
    assert text.count("# c") == once.count("# c")
    assert once == laid_out(once)


PIECES = [
    "# c\n",
    "a: 1\n",
    "  b: {x: [v, z], # t\n    w: v}\n",
    "- p\n",
    "- - q\n",
    "  - {r: s}\n",
    "\n",
    "   # i\n",
    "\"k k\": 'v v'\n",
    "? e\n: f\n",
    "a:\n",
    "  c: plain\n    folded\n",
    "d: [\n",
    "  1, 2 # n\n",
    "]\n",
    'e: "x\n  y"\n',
    "f: {}\n",
    "{a: b}\n",
    "---\n",
    " # tail",
    "h: [a: b, c]\n",
    "kind: Agreement\n",
    'version: "1"\n',
    "id: x\n",
    "  # q\n  l: {m: {n: {o: p}}}\n",
    "parties:\n  z: {steward: s, agency: q}\n",
]


def test_whatever_is_yaml_settles() -> None:
    """Of pieces put together anyhow: what can be read says the same, keeps comments and settles."""
    draw = random.Random(7)  # noqa: S311 - layouts
    tried = 0
    for _ in range(1500):
        text = "".join(draw.choice(PIECES) for _ in range(draw.randint(1, 6)))
        try:
            value = read(text.encode(), file="f").value
        except YamlError:
            continue
        tried += 1
        once = laid_out(text)

        assert value == read(once.encode(), file="f").value, text
        assert comments(text) == comments(once), text
        assert once == laid_out(once), text
    assert tried > 80


def test_a_finding_names_the_first_line() -> None:
    """The rule warns once a file, at the line where the layout leaves it."""
    data = b"a: 1\nb:   2\nc:   3\n"

    said = unformatted(data, read(data, file="f.yaml"))

    assert said is not None
    assert ("not-formatted", Level.WARNING, 2) == (said.rule, said.level, said.line)
    good = formatted(data, read(data, file="f.yaml"))
    assert unformatted(good, read(good, file="f.yaml")) is None


def test_a_missing_line_end_is_found() -> None:
    """A file that ends in the middle of its last line is not in the layout."""
    assert (said := unformatted(b"a: 1", read(b"a: 1", file="f.yaml"))) is not None
    assert 1 == said.line


# --- quotes ---


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ("a: 1.10\n", 'a: "1.10"\n'),
        ("a: [NO, 2027-01-01, on, 12:30, y]\n", 'a: ["NO", "2027-01-01", "on", "12:30", "y"]\n'),
        ("a: +5  # kept\n", 'a: "+5"  # kept\n'),
        ("1: x\non: {y: 2}\n", '"1": x\n"on": {y: 2}\n'),
        ("a: 0755\nb: 3\nc: true\n", 'a: "0755"\nb: 3\nc: true\n'),
        ("a: {b: é, c: no}\n", 'a: {b: é, c: "no"}\n'),
    ],
)
def test_ambiguous_words_are_quoted(there: str, wanted: str) -> None:
    """What two readers differ about is text from then on; what is sound stays as it is."""
    assert wanted == requoted(there.encode(), file="f").decode()
    read(wanted.encode(), file="f")


@pytest.mark.parametrize(
    "text",
    ["a:\n", "a: ~\n", "a: null\n", "a: |\n  x\n", "a: x\n\n  y\n", "a: &x 1\n", "a: [1.0\n"],
)
def test_nothing_is_invented(text: str) -> None:
    """An absent value, a block, an anchor, what is no YAML: a person has to say what is meant."""
    assert text.encode() == requoted(text.encode(), file="f")
    with pytest.raises(YamlError):
        read(text.encode(), file="f")


def test_more_words_than_a_report_holds_are_quoted() -> None:
    """The reader stops after fifty findings; the quotes do not."""
    text = "a: [" + ", ".join(["1.5"] * 180) + "]\n"

    assert text.replace("1.5", '"1.5"').encode() == requoted(text.encode(), file="f")


def test_bytes_that_are_no_text_stay() -> None:
    """What cannot be decoded is for the reader to refuse."""
    assert b"a: \xff 1.5\n" == requoted(b"a: \xff 1.5\n", file="f")
