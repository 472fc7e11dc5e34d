"""An agreement in sentences says all of it, and nothing in it is markup."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING, Final

import pytest

from gateway.agreement.compiling import compile_agreements
from gateway.agreement.index import Signed, pact
from gateway.agreement.provision_form import BASIS_TYPES, PROFILES
from gateway.agreement.spans import duration
from gateway.cli.prose.markdown import markdown
from gateway.cli.prose.web import web
from gateway.cli.render import run_render
from gateway.errors import SettingsError
from gateway.review.prose import flow as flow_words
from gateway.review.prose.agreement import Reader, page
from gateway.review.prose.never import prohibition
from gateway.review.prose.page import Heading, Items, Page, Rows, Sentences
from gateway.review.prose.words import CLASSES, KINDS, day, listed, span
from gateway.values import AgencyKind, FieldClass
from tests.data import ROOT
from tests.review.cedar_worlds import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.agreement.index import Agreements
    from gateway.agreement.model import Agreement

NOW: Final = "2026-11-21T00:00:00Z"
HOSTILE: Final = '<script>alert(1)</script> [a](http://x.example) | `b` *c* _d_ &amp; "e" \\'


def compiled(change: Agreement | None = None) -> Agreements:
    """Return the shipped folder, one agreement changed."""
    folder = shipped()
    return compile_agreements(
        generation=1,
        floor=folder.floor.model,
        registry=folder.registry.model,
        purposes=folder.purposes.model,
        datasets=folder.schemas,
        codes=folder.codes.model,
        pacts=[
            pact(
                change if change is not None and change.id == one.model.id else one.model,
                Signed.DRAFT,
                bytes(32),
            )
            for one in folder.agreements
        ],
    )


def texts(made: Page) -> str:
    """Return every text of a page, one a line."""
    lines = [made.title]
    for block in made.blocks:
        match block:
            case Heading():
                lines += [block.clause, block.text]
            case Sentences():
                lines.append(block.text)
            case Items():
                lines += block.texts
            case Rows():
                lines += [cell for row in (block.head, *block.rows) for cell in row]
    return "\n".join(lines)


def test_every_rule_is_told_to_counsel() -> None:
    """Clauses, parties, fields with their class and form, withheld names, duties, prohibitions."""
    agreements = compiled()

    for one in agreements.pacts:
        said = texts(page(agreements, one, Reader.COUNSEL))

        wanted = [party.steward for party in one.agreement.parties.values()]
        wanted += [one.agreement.document.sha256, one.agreement.compelled.route]
        for provision in one.agreement.provisions:
            wanted += [provision.clause, *provision.release, *provision.withhold]
            wanted += [*provision.basis.cite, str(provision.limits.rows_per_day)]
            wanted += [provision.duties.notice or "", span(provision.duties.delete_after)]
        assert [] == [word for word in wanted if word not in said]


def test_prohibitions_of_the_floor_and_of_the_agreement_are_told() -> None:
    """Each with its clause and its sentence; another agreement's are on its own page."""
    agreements = compiled()
    one = agreements.pacts[0]

    said = texts(page(agreements, one, Reader.PUBLIC))

    for rule in agreements.rules:
        mine = rule.source in ("floor", one.agreement.ref)
        assert (prohibition(rule.never) in said) == mine


def test_the_public_is_told_what_leaves_and_not_whom_to_write_to() -> None:
    """Fields and prohibitions, without digests, stewards, limits and statutes."""
    agreements = compiled()
    one = agreements.pacts[0]

    said = texts(page(agreements, one, Reader.PUBLIC))

    agreement = one.agreement
    assert all(name in said for part in agreement.provisions for name in part.release)
    hidden = [party.steward for party in agreement.parties.values()]
    hidden += [agreement.document.sha256, "requests a minute", "45 CFR"]
    assert [] == [word for word in hidden if word in said]


def test_every_word_of_the_closed_sets_has_words() -> None:
    """No kind, class, basis or profile is left to be told by its code."""
    assert set(AgencyKind) == set(KINDS)
    assert set(FieldClass) == set(CLASSES)
    assert set(BASIS_TYPES) == set(flow_words.BASES)
    assert set(PROFILES) == set(flow_words.PROFILES_SAID)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("P1D", "1 day"),
        ("P30D", "30 days"),
        ("P1Y6M", "1 year and 6 months"),
        ("PT72H", "72 hours"),
        ("P1DT1H1S", "1 day, 1 hour and 1 second"),
    ],
)
def test_durations_in_words(text: str, said: str) -> None:
    """One has no plural, and what is nought is not said."""
    made = duration(text)
    assert made is not None

    assert said == span(made)


def test_small_words() -> None:
    """Lists end in `and`, dates have no leading nought."""
    assert ["", "a", "a and b", "a, b or c"] == [
        listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"], "or")
    ]  # fmt: skip
    assert "1 June 2026" == day(dt.date(2026, 6, 1))


def hostile() -> Page:
    """Return a page whose agreement was written by somebody who means harm."""
    agreement = shipped().agreements[0].model
    party = next(iter(agreement.parties))
    parties = dict(agreement.parties)
    parties[party] = dataclasses.replace(parties[party], steward=HOSTILE)
    changed = dataclasses.replace(
        agreement,
        title=f"{HOSTILE}\u202e",
        parties=parties,
        compelled=dataclasses.replace(agreement.compelled, route=HOSTILE),
    )
    agreements = compiled(changed)
    one = next(one for one in agreements.pacts if one.agreement.id == agreement.id)
    return page(agreements, one, Reader.COUNSEL)


def test_no_text_is_markup_in_html() -> None:
    """Tags, attributes and entities of a file are text; the page may load nothing."""
    lines = "\n".join(web(hostile()))

    assert "<script" not in lines
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in lines
    assert "&amp;amp; &quot;e&quot;" in lines
    assert "\u202e" not in lines
    assert "default-src 'none'" in lines
    assert not re.search(r"\b(?:href|src|onload)=", lines)


def test_no_text_is_markup_in_markdown() -> None:
    """Links, tags, code and cells of a table are text, also at the start of a line."""
    lines = list(markdown(hostile()))

    text = "\n".join(lines)
    assert "<script" not in text.replace("\\<", "")
    assert "[a](" not in text.replace("\\[", "")
    heads = [line for line in lines if line.startswith("| ")]
    assert all(_cells(line) in (2, 3) for line in heads)
    assert "\u202e" not in text


def _cells(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- a", "\\- a"),
        ("12. a", "12\\. a"),
        ("4.1 a", "4.1 a"),
        ("# a", "\\# a"),
        ("    a", "a"),
        ("=====", "\\====="),
        ("a - b", "a - b"),
    ],
)
def test_the_start_of_a_line_is_text(text: str, line: str) -> None:
    """What is an item, a number, a heading, code or a rule only there is escaped only there."""
    assert line == list(markdown(Page("", (Sentences(text),))))[2]


def test_render_writes_by_ending(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """HTML or Markdown by the file's name; printed where there is none; nothing else."""
    place = str(ROOT / "agreements")
    name = "county-overdose-response"

    for ending, start in ((".html", "<!doctype html>"), (".md", "# Rivertown County")):
        file = tmp_path / f"page{ending}"
        assert 0 == run_render(place, name, "counsel", str(file), NOW)
        assert file.read_text("utf-8").startswith(start)
    capsys.readouterr()
    assert 0 == run_render(place, name, "public", "-", NOW)
    assert capsys.readouterr().out.startswith("# Rivertown County")
    for wrong in ((name, "nobody", "-"), ("no-such", "counsel", "-"), (name, "counsel", "a.pdf")):
        with pytest.raises(SettingsError):
            run_render(place, *wrong, NOW)
