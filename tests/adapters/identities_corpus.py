"""The labelled corpus of misplaced identities: texts in several styles, drawn from seeds.

A text has one identity planted, or none; what else is in it is the ordinary matter of such notes
and what is easily taken for an identity: hospitals and streets that are called like people, drugs,
lot numbers, codes, public numbers, dates of other things. The part `tuned` was read while the rules
were written; `held-out` (other styles, sentences and unlisted names) was measured when they stood.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.adapters.identities_people import (
    Person,
    hidden,
    person,
    spelt_date,
    spelt_phone,
    spelt_ssn,
)
from tests.adapters.identities_styles import SPREAD, STYLES, Style

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS: Final = ("tuned", "held-out")
SEEDS: Final = {"tuned": 20261141, "held-out": 20261142}
PATTERNS: Final = ("ssn", "phone", "email", "dob", "address", "plate", "record-number")
TEXTS: Final = {"tuned": 8000, "held-out": 4000}
ROWS: Final = {"tuned": 3000, "held-out": 2000}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and what is planted in it.

    Attributes:
        label: A kind of `PATTERNS`, `name`, or empty where nothing is.
        form: How it was written, for the list of misses.
        who: Of whom it speaks, or would.
    """

    text: str
    label: str
    form: str
    style: str
    who: Person


def texts(part: str, count: int | None = None) -> Iterator[Labelled]:
    """Yield a part of the corpus, always the same."""
    draw = random.Random(SEEDS[part])  # noqa: S311 - a corpus, no secret
    styles = STYLES[part]
    for _ in range(TEXTS[part] if count is None else count):
        style, who = draw.choice(styles), person(draw, part)
        label = draw.choices(("", "name", "pattern"), (45, 30, 25))[0]
        if label == "pattern":
            label = draw.choice(PATTERNS)
        form, planted = _planted(draw, style, who, label)
        yield Labelled(_text(draw, style, planted), label, form, style.name, who)


def rows(part: str, count: int | None = None) -> Iterator[Labelled]:
    """Yield texts that lie in a row of their person, with one of its own identifiers, or none."""
    draw = random.Random(SEEDS[part] + 10)  # noqa: S311
    styles = STYLES[part]
    for _ in range(ROWS[part] if count is None else count):
        style, who = draw.choice(styles), person(draw, part)
        label = draw.choices(("", *_OWN), (45, 20, 11, 11, 7, 6))[0]
        form, planted = _own(draw, style, who, label)
        yield Labelled(_text(draw, style, planted), label, form, style.name, who)


def digest(part: str) -> str:
    """Return the SHA-256 of a part: of every text with its label."""
    found = hashlib.sha256()
    for one in (*texts(part), *rows(part)):
        found.update(f"{one.label}\t{one.text}\n".encode())
    return found.hexdigest()


_OWN: Final = ("own-name", "own-dob", "own-phone", "own-address", "own-number")


def _text(draw: random.Random, style: Style, planted: str) -> str:
    said = draw.sample(style.ordinary, k=draw.randint(1, style.most))
    said += draw.sample(
        (*style.hard, *SPREAD), k=draw.randint(0, 2) if planted else draw.randint(1, 2)
    )
    draw.shuffle(said)
    if planted:
        said.insert(draw.randint(0, len(said)), planted)
    return style.case(style.joint.join(_filled(draw, one) for one in said))


def _filled(draw: random.Random, sentence: str) -> str:
    """Return a sentence with its numbers and dates drawn; none of them is anybody's."""
    while "{" in sentence:
        head, _, rest = sentence.partition("{")
        word, _, tail = rest.partition("}")
        sentence = head + _value(draw, word) + tail
    return sentence


def _value(draw: random.Random, word: str) -> str:
    if word == "date":
        return f"{draw.randint(1, 12)}/{draw.randint(1, 28)}/{draw.choice((2024, 2025, 2026))}"
    if word == "day":
        return f"2026-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
    return "".join(
        draw.choice("0123456789")
        if c == "9"
        else draw.choice("ABCDEFGHJKLMNPRSTUVWXYZ")
        if c == "A"
        else c
        for c in word
    )


def _planted(draw: random.Random, style: Style, who: Person, label: str) -> tuple[str, str]:
    match label:
        case "":
            return "", ""
        case "name":
            form = draw.choice(tuple(_names(who)))
            around = draw.choice(style.names[form.split(":")[0]])
            return form, _filled(draw, around.replace("<X>", hidden(draw, _names(who)[form])))
        case _:
            value = _identifier(draw, who, label)
            return label, _filled(draw, draw.choice(style.patterns[label]).replace("<X>", value))


def _names(who: Person) -> dict[str, str]:
    if who.group == "vietnamese":
        return {
            "full": f"{who.surname} {who.given}",
            "given": who.given.split()[-1],
            "titled": who.surname,
            "turned": f"{who.surname}, {who.given}",
        }
    return {
        "full": f"{who.given} {who.surname}",
        "full:initial": f"{who.given} {who.surname[0]}. {who.surname}",
        "given": who.given,
        "titled": who.surname,
        "turned": f"{who.surname}, {who.given}",
    }


def _identifier(draw: random.Random, who: Person, label: str) -> str:
    match label:
        case "ssn":
            return spelt_ssn(draw, who.ssn)
        case "phone":
            return spelt_phone(draw, who.phone)
        case "email":
            return who.email
        case "dob":
            return spelt_date(draw, who.born)
        case "address":
            return who.address
        case "plate":
            return _value(
                draw, draw.choice(("AAA-9999", "AAA 9999", "AAA9999", "999-AAA", "9AAA999"))
            )
        case _:
            return _value(draw, draw.choice(("99999999", "A9999999", "999-99-99", "AA-9999999")))


def _own(draw: random.Random, style: Style, who: Person, label: str) -> tuple[str, str]:
    around = draw.choice(style.own)
    match label:
        case "":
            return "", ""
        case "own-name":
            form = draw.choice(tuple(_names(who)))
            return form, draw.choice(style.names[form.split(":")[0]]).replace(
                "<X>", hidden(draw, _names(who)[form])
            )
        case "own-dob":
            return label, around.replace("<X>", spelt_date(draw, who.born))
        case "own-phone":
            whole = draw.random() < 0.8
            return label, around.replace(
                "<X>",
                spelt_phone(draw, who.phone) if whole else f"{who.phone[3:6]}-{who.phone[6:]}",
            )
        case "own-address":
            kept = who.address if draw.random() < 0.6 else " ".join(who.address.split()[:2])
            return label, around.replace("<X>", kept)
        case _:
            kept = draw.choice((who.record, who.record.lower(), who.record.replace("-", "")))
            return label, around.replace("<X>", kept)
