"""`accord agreements impact` over a deployment's log, and over one that was handed out."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from gateway.audit.static import OPENINGS
from gateway.broker.drafts import Drafts, request_digest
from gateway.cli.clock import SystemClock
from gateway.cli.diff import EXIT_WIDER
from gateway.cli.explain import as_signed
from gateway.cli.impact import Over, run_impact
from gateway.cli.log import run_export
from gateway.cli.officers import EXIT_FINDINGS, good
from gateway.decide import Grant, Standing, decide
from gateway.errors import LogError, SettingsError
from gateway.plan.build import Builder
from gateway.review.tables import named_tables
from gateway.values import Caller, DatasetId, Request, Terms
from tests.build import pseudonym_key
from tests.cli.deployed import deploy, opened
from tests.cli.test_log_query import accesses
from tests.store.town import an_id, an_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.agreement.index import Agreements
    from gateway.store.log import StoredLog

NAME = "county-overdose-response.yaml"
RUNS = Terms(
    "rivertown-ems", "rivertown-health", DatasetId("ems.overdose_run", 1),
    "public_health.surveillance", ("incident_date", "age", "sex"),
)  # fmt: skip
FLOW = "rivertown-ems to rivertown-health, ems.overdose_run@1, public_health.surveillance"
GRANTED, REFUSED = 3, 2
ROLES = frozenset({"epidemiologist"})


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the settings of a deployment that gave runs three times and refused them twice."""
    path = deploy(tmp_path_factory.mktemp("impact") / "county")
    folder = good(path.parent / "agreements", SystemClock().now())
    assert folder is not None
    agreements = as_signed(folder)
    builder = Builder(named_tables(one.model for one in folder.agreements), pseudonym_key)
    asyncio.run(_exchanges(path, agreements, builder))
    return path


async def _exchanges(path: Path, agreements: Agreements, builder: Builder) -> None:
    log, _ = opened(path, create=True)
    for number in range(GRANTED):
        await _granted(log, agreements, builder, number)
    for number in range(REFUSED):
        request = _request(frozenset({"detective"}))
        decision = decide(agreements, request, Standing(), SystemClock().now())
        assert not isinstance(decision, Grant)
        digest = request_digest(request)
        drafts = Drafts("0.1.0", "0")
        draft = drafts.refusal(agreements, request, decision, an_id(100 + number), digest)
        await log.refusal(draft)
    await log.close()


async def _granted(log: StoredLog, agreements: Agreements, builder: Builder, number: int) -> None:
    now = SystemClock().now()
    request, exchange = _request(ROLES), an_id(number)
    grant = decide(agreements, request, Standing(), now)
    assert isinstance(grant, Grant), grant
    digest = request_digest(request)
    plan = builder.build(agreements, grant)
    intent = Drafts("0.1.0", "0").intent(agreements, request, plan, exchange, digest)
    ticket = await log.intent(
        intent, recipient=RUNS.recipient, request_id=str(number), request_digest=digest, now=now
    )
    end = an_outcome(exchange, chunks=0, rows=0)
    await ticket.outcome(dataclasses.replace(end, agreement=intent.agreement))


def _request(roles: frozenset[str]) -> Request:
    return Request("", RUNS, Caller(RUNS.recipient, bytes(32), roles=roles))


def amended(county: Path, to: Path, *changes: tuple[str, str]) -> Path:
    """Return a file of the agreement with an amendment."""
    text = (county.parent / "agreements" / NAME).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    to.mkdir(exist_ok=True)
    (to / "proposed.yaml").write_text(text)
    return to / "proposed.yaml"


def impact(county: Path, after: Path, place: Path | None = None, form: str = "text") -> int:
    """Run the verb over the last month."""
    stands = str(county.parent / "agreements")
    return run_impact(str(after), stands, str(place or county), Over(), "", form)


def test_a_month_under_an_amendment(
    county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Newly refused by role, newly granted to another, and each once in the log."""
    proposed = amended(county, tmp_path, ("role: [epidemiologist]", "role: [detective]"))

    assert EXIT_WIDER == impact(county, proposed)
    told = capsys.readouterr().out

    assert "5 logged requests decided again: 0 same, 3 newly refused, 2 newly granted" in told
    refused = f"3  refused by P3-overdose-runs, clause 4.3: ROLE_NOT_LISTED: {FLOW}"
    granted = f"2  granted by P3-overdose-runs, refused for ROLE_NOT_LISTED: {FLOW}"
    assert refused in told
    assert granted in told
    newest = accesses(county)[-1]
    assert ("operator", "impact", "since", 5) == tuple(
        newest[key] for key in ("who", "verb", "filter", "results")
    )


def test_nothing_changes_by_a_remark(
    county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signatures that an amendment loses are no finding here: it is about to be signed."""
    proposed = amended(county, tmp_path, ("title: ", "title: Amended "))

    assert 0 == impact(county, proposed)
    assert "5 logged requests decided again: 5 same, 0 newly refused" in capsys.readouterr().out


def test_a_weaker_mask_is_told_over_an_exported_log(
    county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The proposal may be a folder, and the log a folder too; as JSON it is for programs."""
    stands, log = county.parent / "agreements", tmp_path / "log"
    after = shutil.copytree(stands, tmp_path / "after")
    file = after / NAME
    file.write_text(file.read_text().replace("band: {width: 5", "band: {width: 1"))
    run_export(str(county), str(log), opened=True)
    capsys.readouterr()

    assert EXIT_WIDER == impact(county, after, log, "json")
    told = json.loads(capsys.readouterr().out)

    assert [("age", GRANTED, "WIDENED", FLOW)] == [
        (one["field"], one["requests"], one["way"], one["flow"]) for one in told["forms"]
    ]
    assert (5, REFUSED, 0) == (told["decided"], told["same"], told["untold"])


def test_a_log_without_openings_tells_nothing(
    county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Requests that cannot be opened are counted; one whose opening was changed stops all."""
    log = tmp_path / "log"
    run_export(str(county), str(log), opened=True)
    lines = (log / OPENINGS).read_text()
    proposed = amended(county, tmp_path)

    (log / OPENINGS).write_text(lines.replace("epidemiologist", "epidemiologisT"))
    with pytest.raises(LogError, match="commitment-mismatch"):
        impact(county, proposed, log)
    (log / OPENINGS).unlink()
    capsys.readouterr()

    assert 0 == impact(county, proposed, log)
    told = capsys.readouterr().out
    assert "0 logged requests decided again" in told
    assert "5 requests are not told well enough to be decided again" in told


def test_a_period_without_requests(county: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both ends are the officer's to choose."""
    stands = str(county.parent / "agreements")
    over = Over(since="2020-01-01", until="2020-02-01")

    assert 0 == run_impact(stands, stands, str(county), over, "", "text")
    assert "0 logged requests decided again" in capsys.readouterr().out


def test_a_proposal_that_does_not_lint_is_not_tried(
    county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its findings are printed, and nothing of the log is opened."""
    proposed = amended(county, tmp_path, ("sex: pass", "sax: pass"))
    before = len(accesses(county))

    assert EXIT_FINDINGS == impact(county, proposed)
    assert "what is proposed does not lint" in capsys.readouterr().err
    assert before == len(accesses(county))


@pytest.mark.parametrize(
    ("place", "over", "form", "said"),
    [
        ("", Over(), "text", "`--log`"),
        ("x", Over(days=0), "text", "`--days`"),
        ("x", Over(), "sarif", "`--format`"),
        ("x", Over(since="2027-02-01", until="2027-01-01"), "text", "before it begins"),
        ("x", Over(since="yesterday"), "text", "`--since`"),
    ],
)
def test_options_that_are_none(county: Path, place: str, over: Over, form: str, said: str) -> None:
    """Each is named, before anything is read."""
    stands = str(county.parent / "agreements")

    with pytest.raises(SettingsError, match=said):
        run_impact(stands, stands, place, over, "", form)
