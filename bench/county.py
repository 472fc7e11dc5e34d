"""A deployment to measure: two agencies of the development county under an agreement of the bench.

Everything is generated into a temporary folder, signed with keys that were made for it. The
provisions differ in one thing each: masks, a pseudonym among them, accounting, one record.
"""

from __future__ import annotations

import datetime as dt
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

from gateway.agreement.lint.folder import FIRM, SIGNATURES
from gateway.agreement.spans import add, duration
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.deploy.county import COUNTY
from gateway.cli.deploy.sign import sign_all
from gateway.cli.deploy.write import Ports, write_deployment

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.cli.deploy.write import Deployment

PROVIDER: Final = "rivertown-ems"
RECIPIENT: Final = "rivertown-health"

EIGHT: Final = {
    "unit_notified_at": "{truncate: hour}",
    "age": "{band: {width: 5, topcode: 90}}",
    "respiratory_rate": "{band: {cuts: [0, 8, 12, 20]}}",
    "patient_home_zip": "{zip3: zip3@1}",
    "scene_census_tract": "{geo: {to: county}}",
    "scene_location_type": "{map: y92_group}",
    "naloxone_total_mg": '{round: "0.5"}',
    "sex": "{map: sex_joined}",
}
BESIDE: Final = {"time_precision": "pass", "age_unit": "pass"}
"""Two of the masks read these beside their own field; released too, so that both gateways move the
same ten columns."""
PSEUDONYM: Final = {"pcr_uuid": "{pseudonym: {method: hmac, scope: provision, rotate: P1Y}}"}


@dataclass(frozen=True, slots=True)
class Grid:
    """What makes a provision one of a table: counts of runs by month, with every total of a month.

    Attributes:
        anchor: The first of the months.
        dimensions: The date first.
    """

    anchor: dt.date
    dimensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """One provision to measure.

    Attributes:
        purpose: A leaf of the shipped purposes; it tells the adapter how many rows to serve.
        release: Masks by field.
        accounting: As the agreement writes it.
        rows: How many rows a scan brings.
        grid: Of a table; None for records.
    """

    purpose: str
    release: dict[str, str]
    accounting: str
    rows: int
    grid: Grid | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """What the recipient asks for."""
        return tuple(self.release)


_EXEMPT: Final = "{exempt: 45 CFR 164.528(a)(1)}"
_SEVEN: Final = {name: mask for name, mask in EIGHT.items() if name != "sex"}


def flows(rows: int, many: int) -> dict[str, Flow]:
    """Return the provisions by name.

    Args:
        rows: Rows of one bulk exchange.
        many: Rows of the exchange that memory is measured over.
    """
    eight = EIGHT | BESIDE
    return {
        "bulk": Flow("public_health.surveillance", eight, _EXEMPT, rows),
        "pseudonym": Flow(
            "public_health.program_evaluation", PSEUDONYM | _SEVEN | BESIDE, _EXEMPT, rows
        ),
        "accounting": Flow("research.approved_study", eight, "required", rows),
        "many": Flow("public_health.fatality_review", eight, _EXEMPT, many),
        "small": Flow("public_health.drug_supply", eight, _EXEMPT, 1),
    }


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on just now."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in holders]
    for one in holders:
        one.close()
    return ports


def deploy(folder: Path, found: dict[str, Flow]) -> tuple[Deployment, int, int]:
    """Write a signed deployment; return it, and the ports of the gateway and of the adapter."""
    clock = SystemClock()
    main, admin, *rest = free_ports(2 + len(COUNTY))
    adapters = {member.id: port for member, port in zip(COUNTY, rest, strict=True)}
    deployment = write_deployment(
        folder,
        clock=clock,
        entropy=SystemEntropy(),
        origin=f"bench.invalid/exchange-log/{secrets.token_hex(4)}",
        ports=Ports(main, admin, adapters),
    )
    home = folder / "agreements"
    for stale in home.glob("*.yaml"):
        if stale.name not in FIRM:
            stale.unlink()
            (home / f"{stale.stem}{SIGNATURES}").unlink(missing_ok=True)
    floor = home / "_floor.yaml"
    # Only the bench moves ten million rows in a minute.
    floor.write_text(floor.read_text().replace("rows_per_day: 1000000", f"rows_per_day: {10**12}"))
    dataset = yaml.safe_load((home / "datasets" / "ems.overdose_run@1.yaml").read_text())
    now = clock.now()
    (home / "bench-runs.yaml").write_text(_agreement(found, list(dataset["fields"]), now.date()))
    sign_all(folder, now)
    return deployment, main, adapters[PROVIDER]


def _agreement(found: dict[str, Flow], fields: list[str], today: dt.date) -> str:
    back, year = duration("P1M"), duration("P1Y")
    assert back is not None  # noqa: S101 - written here
    assert year is not None  # noqa: S101 - written here
    anchors = [flow.grid.anchor for flow in found.values() if flow.grid]
    effective = min([add(today.replace(day=1), back, -1), *anchors])
    expires = add(effective, year) - dt.timedelta(days=1)
    head = f"""# Generated by the bench, for records that do not exist.
apiVersion: accord/v1
kind: Agreement
id: bench-runs
version: "1.0.0"
title: Flows that the bench measures
document: {{ref: BENCH-1, sha256: {"0f" * 32}}}
supersedes: none
term: {{effective: "{effective}", expires: "{expires}", review_by: "{expires}",
  timezone: America/New_York, notice: P30D}}
parties:
  ems: {{agency: {PROVIDER}, kind: ems, steward: privacy@ems.example}}
  phd: {{agency: {RECIPIENT}, kind: public_health, steward: epi@phd.example}}
never:
  - {{id: N1-bench-never-to-enforcement, clause: "1.2", dataset: [ems.overdose_run],
     to_kind: [law_enforcement], onward: true}}
log: {{retain: P6Y, witness: none}}
compelled: {{route: counsel@county.example, automated: false, clause: "1.1"}}
provisions:
"""
    return head + "".join(
        _provision(number, name, flow, fields) for number, (name, flow) in enumerate(found.items())
    )


def _provision(number: int, name: str, flow: Flow, fields: list[str]) -> str:
    release = ", ".join(f"{field}: {mask}" for field, mask in flow.release.items())
    withhold = ", ".join(field for field in fields if field not in flow.release)
    shape = "record" if flow.grid is None else "aggregate"
    return f"""  # accord: ignore quasi-identifier-combo -- made up, b@ems.example, until 2099-12-31
  - id: P{number}-{name}
    clause: "2.{number}"
    flow: {{from: ems, to: phd, dataset: ems.overdose_run@1, purpose: [{flow.purpose}]}}
    basis: {{type: limited_data_set, profile: lds, cite: [45 CFR 164.514(e)]}}
    delivery: {{shape: {shape}, mode: pull, deadline: none, hold: none}}
    when: [{{role: [epidemiologist]}}]
    release: {{{release}}}
{_aggregate(flow.grid) if flow.grid else ""}    withhold: [{withhold}]
    limits: {{requests_per_minute: 1000000000, rows_per_request: {10**9},
      rows_per_day: {10**12}}}
    duties: {{delete_after: P3Y, attest_deletion: none, onward: none, reidentify: forbid,
      contact: forbid, publish: forbid, notice: limited-data-set@1, breach_notice: PT24H,
      accounting: {flow.accounting}, recall: P7D, review: none}}
"""


def _aggregate(grid: Grid) -> str:
    date, *others = grid.dimensions
    margins = ", ".join(f"[{', '.join(one)}]" for one in [(date,), *((date, n) for n in others)])
    return f"""    aggregate:
      unit: pcr_uuid
      measures: {{runs: {{count_distinct: pcr_uuid}}}}
      dimensions: [{", ".join(grid.dimensions)}]
      margins: [{margins}]
      grid: {{period: P1M, anchor: "{grid.anchor}", lag: P7D, release: once}}
      disclosure: {{min_cell: 11, min_interval: 9, zeros: publish, complementary: true,
        dominance: none, colluding: all, history: P5Y, marker: suppressed}}
"""
