"""From strict YAML to the model: every key of the language, and no other.

Each function reads one kind of file and returns its value, or raises `ParseError` with all that is
wrong, each with its line. No key has a default: what does not apply, the file calls `none`.
Everything that the language can say is read here; what this version does not enforce is refused by
`lint`, which says so.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from gateway.agreement import registry_form, testing_form
from gateway.agreement.aggregate import PERMITS
from gateway.agreement.canon import digest_of
from gateway.agreement.cursor import (
    EMPTY_DATE,
    EMPTY_SPAN,
    ID,
    NAME,
    NO_NAMES,
    TEXT_MAX,
    VERSION,
    Cursor,
    Entries,
)
from gateway.agreement.dataset import CodeLists, Dataset
from gateway.agreement.dataset_form import dataset_of
from gateway.agreement.finding import Finding, FindingsError
from gateway.agreement.floor import AtLeast, AtMost, Floor, FloorMask
from gateway.agreement.literal import typed_when
from gateway.agreement.mask_forms import mask_or_withhold, zone
from gateway.agreement.model import (
    Agreement,
    Compelled,
    Document,
    LogTerms,
    Never,
    Party,
    Provision,
    Term,
)
from gateway.agreement.provision_form import PURPOSE, clause, keys, provision
from gateway.agreement.purposes import Identity, Purpose, Purposes
from gateway.agreement.selectors_form import SELECTORS, selectors
from gateway.agreement.testing_form import REF
from gateway.values import AgencyKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from gateway.agreement.registry import Registry
    from gateway.agreement.testing import Suite
    from gateway.agreement.yaml import Document as YamlDocument

_T = TypeVar("_T")

API: Final = "accord/v1"
ALIAS = NAME
AGENCY = re.compile(r"[a-z][a-z0-9-]{1,63}")
RULE_ID = re.compile(r"[A-Z][0-9]{1,4}-[a-z0-9-]{1,60}")


class ParseError(FindingsError):
    """A file that does not say what its kind must say, and nothing else."""


def agreement(document: YamlDocument, datasets: Mapping[str, Dataset] | None = None) -> Agreement:
    """Return the agreement that a file states.

    Args:
        document: The file, strictly read.
        datasets: By `<name>@<version>`. With them, literals of conditions are read in their field's
            type; one that cannot be stays as written, and `lint` refuses it.

    Raises:
        ParseError: With a finding for each fault.
    """
    read = _read(document, "Agreement", _agreement)
    if datasets is None:
        return read
    provisions = tuple(_typed(one, datasets) for one in read.provisions)
    return replace(read, provisions=provisions)


def floor(document: YamlDocument) -> Floor:
    """Return the floor. Raises: ParseError."""
    return _read(document, "Floor", _floor)


def agencies(document: YamlDocument) -> Registry:
    """Return the registry of agencies and log keys. Raises: ParseError."""
    return _read(document, "Agencies", registry_form.registry)


def purposes(document: YamlDocument) -> Purposes:
    """Return the closed tree of purposes. Raises: ParseError."""
    return _read(document, "Purposes", _purposes)


def dataset(document: YamlDocument) -> Dataset:
    """Return a dataset. Raises: ParseError."""
    return _read(document, "Dataset", dataset_of)


def codes(document: YamlDocument) -> CodeLists:
    """Return the closed code lists and the names of open systems. Raises: ParseError."""
    return _read(document, "Codes", _codes)


def tests(document: YamlDocument, datasets: Mapping[str, Dataset]) -> Suite:
    """Return the officers' tests of an agreement, rows in the types of `datasets`.

    Raises: ParseError.
    """
    return _read(document, "Tests", lambda top: testing_form.suite(top, datasets))


def _read(document: YamlDocument, kind: str, read: Callable[[Cursor], _T]) -> _T:
    found: list[Finding] = []
    value = dict(document.value)
    top = Cursor(document, (), value, found)
    for key, expected in (("apiVersion", API), ("kind", kind)):
        if key not in value:
            top.wrong(f"`{key}` is missing: {expected}", "missing-key")
        elif value.pop(key) != expected:
            top.at(key, None).wrong(f"`{key}` is not {expected}")
    if found:  # a file of another kind would only bury this under unknown keys
        raise ParseError(tuple(found))
    result = read(top)
    if found:
        raise ParseError(tuple(sorted(found, key=lambda one: (one.line, one.column))))
    return result


def _typed(one: Provision, datasets: Mapping[str, Dataset]) -> Provision:
    known = datasets.get(str(one.flow.dataset))
    if known is None:
        return one
    return replace(one, when=tuple(typed_when(condition, known) for condition in one.when))


# --- an agreement ---

_AGREEMENT = keys(
    "id version title document supersedes term parties never log compelled provisions"
)
_NO_DOCUMENT = Document("", "")
_NO_TERM = Term(EMPTY_DATE, EMPTY_DATE, EMPTY_DATE, "UTC", EMPTY_SPAN)


def _agreement(top: Cursor) -> Agreement:
    entries = top.closed(_AGREEMENT)
    empty: tuple[Never, ...] = ()
    none: tuple[Provision, ...] = ()
    return Agreement(
        id=entries.read("id", lambda c: c.text(ID), ""),
        version=_version(entries),
        title=entries.read("title", Cursor.text, ""),
        document=entries.read("document", paper, _NO_DOCUMENT),
        supersedes=entries.read("supersedes", lambda c: c.text_or_none(REF), None),
        term=entries.read("term", _term, _NO_TERM),
        parties=entries.read("parties", _parties, {}),
        never=entries.read("never", lambda c: c.each_or_none(never), empty),
        log=entries.read("log", _log, LogTerms(EMPTY_SPAN, "none")),
        compelled=entries.read("compelled", _compelled, Compelled("", "")),
        provisions=entries.read("provisions", lambda c: c.each(provision), none),
        digest=digest_of(top.document.value),
    )


def _version(entries: Entries) -> str:
    return entries.read("version", lambda c: c.text(VERSION), "")


def paper(at: Cursor) -> Document:
    """Return the signed paper that a file expresses."""
    entries = at.closed(keys("ref sha256"))
    return Document(entries.read("ref", Cursor.text, ""), entries.read("sha256", Cursor.sha256, ""))


def _term(at: Cursor) -> Term:
    entries = at.closed(keys("effective expires review_by timezone notice"))
    return Term(
        effective=entries.read("effective", Cursor.date, EMPTY_DATE),
        expires=entries.read("expires", _last_day, EMPTY_DATE),
        review_by=entries.read("review_by", Cursor.date, EMPTY_DATE),
        timezone=entries.read("timezone", zone, "UTC"),
        notice=entries.read("notice", Cursor.duration, EMPTY_SPAN),
    )


def _last_day(at: Cursor) -> dt.date:
    if at.is_none:
        at.wrong("`expires` is none: an agreement has an end", "term-open-ended")
        return EMPTY_DATE
    return at.date()


def _parties(at: Cursor) -> dict[str, Party]:
    return {alias: _party(alias, below) for alias, below in at.entries(ALIAS)}


def _party(alias: str, at: Cursor) -> Party:
    entries = at.closed(keys("agency kind steward"))
    return Party(
        alias,
        entries.read("agency", lambda c: c.text(AGENCY), ""),
        entries.read("kind", lambda c: c.member(AgencyKind), AgencyKind.EMS),
        entries.read("steward", Cursor.text, ""),
    )


def _log(at: Cursor) -> LogTerms:
    entries = at.closed(keys("retain witness"))
    return LogTerms(
        entries.read("retain", Cursor.duration, EMPTY_SPAN),
        entries.read("witness", lambda c: c.one_of(("none", "required")), "none"),
    )


def _compelled(at: Cursor) -> Compelled:
    entries = at.closed(keys("route automated clause"))
    entries.read("automated", _not_automated, None)
    route = entries.read("route", _route, "")
    return Compelled(route, entries.read("clause", clause, ""))


def _not_automated(at: Cursor) -> None:
    if at.value is not False:
        at.wrong("`automated` is not false: compelled requests go to a person")


def _route(at: Cursor) -> str:
    if at.is_none:
        at.wrong("`route` is none: name a person or an office", "compelled-route-missing")
    return at.text()


# --- prohibitions and their selectors ---


def never(at: Cursor) -> Never:
    """Return the prohibition that stands here."""
    entries = at.closed(keys("id clause"), SELECTORS | keys("onward"))
    when = selectors(entries)
    if when.empty:
        at.wrong("no selector: it would forbid everything or nothing", "never-empty")
    return Never(
        id=entries.read("id", lambda c: c.text(RULE_ID), ""),
        clause=entries.read("clause", clause, ""),
        when=when,
        onward=entries.read("onward", _true, absent=False),
    )


def _true(at: Cursor) -> bool:
    if at.value is not True:
        at.wrong(f"`{at.name}` is true, or it is left out")
    return True


# --- the floor ---


_NO_FLOOR = AtLeast(1, 1, complementary=True, grid_lag=EMPTY_SPAN, log_retain=EMPTY_SPAN)


_NO_QUORUM: Final[tuple[int, frozenset[str]]] = (1, frozenset())


def _floor(top: Cursor) -> Floor:
    entries = top.closed(
        keys("version document quorum never masks at_least at_most"), keys("permits")
    )
    rules: tuple[Never, ...] = ()
    masks: tuple[FloorMask, ...] = ()
    signatures, members = entries.read("quorum", _quorum, _NO_QUORUM)
    least = entries.read("at_least", _at_least, _NO_FLOOR)
    return Floor(
        version=_version(entries),
        document=entries.read("document", paper, _NO_DOCUMENT),
        quorum_signatures=signatures,
        quorum_agencies=members,
        never=entries.read("never", lambda c: c.each(never), rules),
        masks=entries.read("masks", lambda c: c.each_or_none(_floor_mask), masks),
        at_least=least,
        at_most=entries.read("at_most", _at_most, _NO_CEILING),
        digest=digest_of(top.document.value),
        permits=frozenset(entries.read("permits", _permits, NO_NAMES)),
    )


def _permits(at: Cursor) -> tuple[str, ...]:
    """Return the options of a table's disclosure that agreements have leave to use."""
    words = at.each_or_none(lambda item: item.one_of(PERMITS))
    if len(set(words)) != len(words):
        at.wrong("`permits` holds one word twice")
    return words


def _quorum(at: Cursor) -> tuple[int, frozenset[str]]:
    entries = at.closed(keys("signatures agencies"))
    members = frozenset(entries.read("agencies", lambda c: c.names(AGENCY), NO_NAMES))
    count = entries.read("signatures", lambda c: c.integer(1, 100), 1)
    if count > len(members):
        at.wrong("`signatures` is more than the agencies of the quorum")
    return count, members


def _floor_mask(at: Cursor) -> FloorMask:
    entries = at.closed(keys("id clause at_least"), SELECTORS)
    when = selectors(entries)
    if when.empty:
        at.wrong("no selector: it would speak of everything or nothing", "never-empty")
    return FloorMask(
        id=entries.read("id", lambda c: c.text(RULE_ID), ""),
        clause=entries.read("clause", clause, ""),
        when=when,
        at_least=entries.read("at_least", mask_or_withhold, None),
    )


def _at_least(at: Cursor) -> AtLeast:
    entries = at.closed(keys("min_cell min_interval complementary grid_lag log_retain"))
    return AtLeast(
        min_cell=entries.read("min_cell", lambda c: c.integer(1), 1),
        min_interval=entries.read("min_interval", lambda c: c.integer(1), 1),
        complementary=entries.read("complementary", _true, absent=True),
        grid_lag=entries.read("grid_lag", Cursor.duration, EMPTY_SPAN),
        log_retain=entries.read("log_retain", Cursor.duration, EMPTY_SPAN),
    )


_NO_CEILING = AtMost(EMPTY_SPAN, EMPTY_SPAN, EMPTY_SPAN, 1)


def _at_most(at: Cursor) -> AtMost:
    entries = at.closed(keys("term delete_after breach_notice rows_per_day"))
    return AtMost(
        term=entries.read("term", Cursor.duration, EMPTY_SPAN),
        delete_after=entries.read("delete_after", Cursor.duration, EMPTY_SPAN),
        breach_notice=entries.read("breach_notice", Cursor.duration, EMPTY_SPAN),
        rows_per_day=entries.read("rows_per_day", lambda c: c.integer(1), 1),
    )


# --- purposes and codes ---


def _purposes(top: Cursor) -> Purposes:
    entries = top.closed(keys("version purposes"))
    none: dict[str, Purpose] = {}
    leaves = entries.read("purposes", _leaves, none)
    for name in leaves:
        for other in leaves:
            if other.startswith(f"{name}."):
                top.at("purposes", None).at(name, None).wrong(
                    f"`{name}` is a branch, since `{other}` stands below it: only leaves are listed"
                )
    return Purposes(_version(entries), leaves, digest_of(top.document.value))


def _leaves(at: Cursor) -> dict[str, Purpose]:
    return {name: _purpose(name, below) for name, below in at.entries(PURPOSE)}


def _purpose(name: str, at: Cursor) -> Purpose:
    entries = at.closed(keys("label identity"), keys("maps replaced_by"))
    return Purpose(
        name=name,
        label=entries.read("label", Cursor.text, ""),
        identity=entries.read("identity", lambda c: c.member(Identity), Identity.FORBIDDEN),
        maps=entries.read("maps", _outside_codes, {}),
        replaced_by=entries.read("replaced_by", lambda c: c.text(PURPOSE), None),
        digest=digest_of({name: at.value}),
    )


def _outside_codes(at: Cursor) -> dict[str, str]:
    entries = at.closed(frozenset(), keys("hl7 dpv duo"))
    return {key: entries.read(key, Cursor.text, "") for key in entries.values}


CODE = re.compile(rf"[^\s]{{1,{TEXT_MAX}}}")
SYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{1,60}")


def _codes(top: Cursor) -> CodeLists:
    entries = top.closed(keys("version lists systems"))
    lists: dict[str, tuple[str, ...]] = {}
    digests: dict[str, bytes] = {}
    for name, below in _named(entries, "lists", NAME):
        entry = below.closed(keys("about values"))
        entry.read("about", Cursor.text, "")
        lists[name] = entry.read("values", _code_values, NO_NAMES)
        digests[name] = digest_of({name: below.value})
    systems = []
    for name, below in _named(entries, "systems", SYSTEM):
        below.text()
        systems.append(name)
        if name in lists:
            below.wrong(f"`{name}` is a list as well: a name is one of the two")
    return CodeLists(_version(entries), lists, frozenset(systems), digests)


def _named(entries: Entries, key: str, form: re.Pattern[str]) -> list[tuple[str, Cursor]]:
    empty: list[tuple[str, Cursor]] = []
    return entries.read(key, lambda c: list(c.entries(form)), empty)


def _code_values(at: Cursor) -> tuple[str, ...]:
    # `all` is a code of one list; here it is a word of a source, not a wildcard over fields.
    if not isinstance(at.value, dict) or not at.value:
        at.wrong("`values` is not a mapping of codes to labels", "missing-key")
        return ()
    for code, label in at.value.items():
        below = at.at(code, label)
        below.text()
        if not CODE.fullmatch(code):
            below.wrong("a code holds no spaces")
    return tuple(at.value)
