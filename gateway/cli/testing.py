"""`accord agreements test`: every test and invariant of the officers' files, and what lacks one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.agreement.coverage import PROVISIONS, WHOLE, coverage
from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.folder import TESTS
from gateway.agreement.lint.run import check
from gateway.agreement.lint.tested import ground_of
from gateway.cli.agreements import TOLD
from gateway.cli.carried import Carrier
from gateway.cli.explain import as_signed
from gateway.cli.given import given
from gateway.cli.officers import EXIT_FINDINGS, instant
from gateway.cli.report import Judged, Report, by_file, format_of, placed, written
from gateway.errors import SettingsError
from gateway.review.invariants import Ground, broken, every_way
from gateway.review.supposed import supposed
from gateway.review.tables import given_tables
from gateway.review.testing import Stand

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.agreement.coverage import Coverage, Tried
    from gateway.agreement.index import Agreements
    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement
    from gateway.agreement.testing import Suite
    from gateway.review.reach import Way
    from gateway.review.testing import Result

FAILED: Final = "test-failed"
BROKEN: Final = "invariant-broken"
BELOW: Final = "coverage-below"


@dataclass(frozen=True, slots=True)
class Tested:
    """What the tests of one agreement came to.

    Attributes:
        judged: Each test and each invariant, in the order of the file.
        coverage: By the tests that passed.
    """

    agreement: Agreement
    judged: tuple[Judged, ...]
    coverage: Coverage

    @property
    def failed(self) -> int:
        """How many tests and invariants did not hold."""
        return sum(bool(one.findings) for one in self.judged)


def run_test(places: Sequence[str], minimum: int, how: str, now: str) -> int:
    """Carry out the tests of files or folders; exit 1 where one fails, or too little is covered.

    Raises:
        SettingsError: An option is wrong, or a place is no folder and no file in one.
    """
    if not 0 <= minimum <= WHOLE:
        raise SettingsError(f"`--min` is a percentage from 0 to {WHOLE}")
    form, moment = format_of(how), instant(now)
    judged: list[Judged] = []
    sources: dict[str, str] = {}
    done: list[Tested] = []
    untold: list[str] = []
    for named in given(places):
        folder = str(named.folder)
        sources |= {f"{folder}/{name}": data.decode("utf-8", "replace")
                    for name, data in named.files.items()}  # fmt: skip
        found, findings = check(named.files, moment, tested=True)
        errors = [one for one in findings if one.level is Level.ERROR and one.rule not in TOLD]
        if found is None or errors:
            judged += by_file((), placed(folder, errors or findings))
            untold.append(f"{folder}: its files do not lint, so nothing was tested")
            continue
        chosen = [one for one in found.agreements if named.names(one.file)]
        if not chosen:
            raise SettingsError(f"{folder}: no agreement is named")
        several = tuple(results(found, chosen))
        done += several
        judged += [_placed(folder, one) for each in several for one in _all(each, minimum)]
    report = Report(
        "test",
        tuple(judged),
        sources,
        summary=(*untold, *(line for one in done for line in lines(one))),
        facts={"agreements": {one.agreement.id: _fact(one) for one in done}},
    )
    sys.stdout.write(written(report, form))
    return EXIT_FINDINGS if report.failed else 0


def _all(one: Tested, minimum: int) -> Iterator[Judged]:
    """Yield what was judged of an agreement, and its coverage where that is too little."""
    yield from one.judged
    if one.coverage.percent < minimum:
        message = f"{one.coverage.percent} % is covered, and {minimum} % is asked for"
        file = one.agreement.id + TESTS
        yield Judged(file, "coverage", (Finding(BELOW, Level.ERROR, file, 1, 1, message),))


def _placed(folder: str, one: Judged) -> Judged:
    return Judged(f"{folder}/{one.file}", one.name, placed(folder, one.findings))


def results(found: Folder, chosen: Iterable[Read[Agreement]]) -> Iterator[Tested]:
    """Yield what the tests of each of these agreements of a folder without errors came to."""
    bench = _Bench(found)
    with Carrier() as carrier:
        for one in chosen:
            yield bench.tested(one, carrier)


class _Bench:
    """Where the tests of a folder's agreements are carried out, one after another."""

    def __init__(self, found: Folder) -> None:
        self._found = found
        self._agreements = as_signed(found)
        self._suites = {name: one.model for name, one in (found.suites or {}).items()}
        self._ways: dict[dt.datetime, tuple[Way, ...]] = {}

    def tested(self, read: Read[Agreement], carrier: Carrier) -> Tested:
        """Return what the tests of an agreement came to."""
        agreement, ground = read.model, ground_of(self._found, read.model)
        suite = (self._found.suites or {}).get(read.file.removesuffix(".yaml"))
        if suite is None:
            return Tested(agreement, (), coverage(ground, ()))
        if suite.model.agreement != agreement.ref:
            message = f"the tests are of {suite.model.agreement}, and the file is {agreement.ref}"
            stale = suite.document.finding(FAILED, ("agreement",), message)
            judged = (Judged(suite.file, "agreement", (stale,)),)
            return Tested(agreement, judged, coverage(ground, ()))
        every = [one.model for one in self._found.agreements]
        tables = given_tables(every, suite.model.tables)
        done = Stand(self._agreements, agreement.id, tables, carrier.carry).run(suite.model)
        passed = [one.trial for one in done if one.passed]
        several = (*(_judged(suite, one) for one in done), *self._invariants(agreement, suite))
        return Tested(agreement, several, coverage(ground, passed))

    def _invariants(self, agreement: Agreement, suite: Read[Suite]) -> Iterator[Judged]:
        if not suite.model.invariants:
            return
        now = suite.model.now
        agreements = supposed(self._agreements, self._suites)
        on = Ground(agreements, agreement.id, lambda: self._every_way(agreements, now))
        for place, one in enumerate(suite.model.invariants):
            [word] = suite.document.value["invariants"][place]
            findings = tuple(
                suite.document.finding(BROKEN, ("invariants", place), f"{word}: {fault}")
                for fault in broken(on, one)
            )
            yield Judged(suite.file, f"invariant {place + 1}: {word}", findings)

    def _every_way(self, agreements: Agreements, now: dt.datetime) -> tuple[Way, ...]:
        """Return every way of all agreements at once: all requests are asked once a clock."""
        if now not in self._ways:
            self._ways[now] = every_way(agreements, now)
        return self._ways[now]


def _judged(suite: Read[Suite], one: Result) -> Judged:
    findings = tuple(
        suite.document.finding(
            FAILED, ("tests", one.place, *fault.path), f"{one.trial.name}: {fault.text}"
        )
        for fault in one.faults
    )
    return Judged(suite.file, one.trial.name, findings)


# --- coverage ---


def lines(one: Tested) -> Iterator[str]:
    """Yield what came of the tests of one agreement, and what they do not cover."""
    passed = len(one.judged) - one.failed
    said = f"{passed} passed" + (f", {one.failed} failed" if one.failed else "")
    kinds = ", ".join(f"{kind.kind} {kind.covered}/{len(kind.names)}" for kind in one.coverage.all)
    yield f"{one.agreement.id}: {said if one.judged else 'no tests'}; {kinds}"
    for kind in one.coverage.all:
        if kind.lacking:
            yield f"  {kind.kind} without a test: {', '.join(_lacking(kind))}"


def _lacking(kind: Tried) -> Iterator[str]:
    for name, lack in kind.lacking.items():
        yield f"{name} ({lack})" if kind.kind == PROVISIONS else name


def _fact(one: Tested) -> dict[str, object]:
    kinds = {
        kind.kind: {"all": list(kind.names), "missing": dict(kind.lacking)}
        for kind in one.coverage.all
    }
    passed = len(one.judged) - one.failed
    return {
        "coverage": kinds,
        "failed": one.failed,
        "passed": passed,
        "percent": one.coverage.percent,
    }
