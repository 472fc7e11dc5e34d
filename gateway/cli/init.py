"""`accord init`: a development deployment in a folder."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.county.write import write_county
from gateway.cli.deploy.county import COUNTY, MEMBERS
from gateway.cli.deploy.write import Ports, write_deployment
from gateway.errors import SettingsError
from gateway.settings import LAST_PORT

SEED = 20


def run(folder: str, port: int, origin: str) -> int:
    """Write a deployment, and tell what to run next.

    Raises:
        SettingsError: The folder is not empty, or an option is wrong.
    """
    if not 0 < port <= LAST_PORT - 10 - len(COUNTY):
        raise SettingsError("`--port` leaves no room for the ports of admin and adapters above it")
    place = Path(folder)
    clock = SystemClock()
    adapters = {member.id: port + 10 + number for number, member in enumerate(COUNTY)}
    deployment = write_deployment(
        place,
        clock=clock,
        entropy=SystemEntropy(),
        origin=origin or f"demo.invalid/exchange-log/{secrets.token_hex(4)}",
        ports=Ports(port, port + 1, adapters),
    )
    write_county(place / "county", seed=SEED, now=clock.now())
    lines = [
        f"wrote {deployment.folder}: a development county of {len(MEMBERS)} agencies",
        f"  {len(COUNTY)} of them with an adapter and records, the others to sign and to ask",
        "",
        "next:",
    ]
    lines += [
        f"  accord adapter serve {place}/agencies/{member.id}/adapter.toml &" for member in COUNTY
    ]
    lines += [
        f"  accord serve {place}/gateway.toml --create",
        "",
        "and, in another terminal:",
        f"  accord request --client {place}/agencies/rivertown-health/client.toml \\",
        "    --from rivertown-ems --dataset ems.overdose_run@1 \\",
        "    --purpose public_health.surveillance --fields incident_date,age,sex -o runs.csv",
        "",
        f"for privacy officers: {place}/agreements/README.md",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
