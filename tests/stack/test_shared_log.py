"""Two gateways of one county over one log in PostgreSQL: either answers, and what left has left."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from gateway.cli.compose import start
from gateway.cli.county.write import write_county
from gateway.errors import Reason, RefusedError
from gateway.remote.client import Client
from gateway.settings import gateway_settings
from gateway.telemetry import Telemetry
from gateway.values import Condition, Operator
from tests.stack.county import (
    EMS,
    GATEWAY,
    HRO,
    PHD,
    Loop,
    Town,
    bring_up,
    closed,
    generous,
    now,
    request,
    with_terms,
    write,
)
from tests.store.server import new_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.cli.compose import Running

SURVEILLANCE = "public_health.surveillance"


@pytest.fixture
def county(tmp_path: Path) -> Iterator[tuple[Town, Running, Client]]:
    """Return a county, a second gateway of it, and a client of that one."""
    folder = tmp_path / "county"
    write(folder, generous)
    records = write_county(folder / "county", seed=20, now=now())
    path = folder / "gateway.toml"
    before = path.read_text()
    text = before.replace(
        'database = "data/exchange-log.sqlite"', f'database = "{new_database()}"\nstate = "data"'
    )
    assert before != text
    path.write_text(text)
    loop = Loop()
    town = bring_up(folder, records, loop, {}, Telemetry())
    second = None
    try:
        # A replica is given what the first remembers: the held checkpoint, and suspensions.
        shutil.copytree(folder / "data", folder / "data-two")
        shutil.copytree(folder / "held", folder / "held-two")
        other = folder / "gateway-two.toml"
        for old, new in (
            ('replica = "one"', 'replica = "two"'),
            ('state = "data"', 'state = "data-two"'),
            ('held = "held/', 'held = "held-two/'),
        ):
            assert old in text
            text = text.replace(old, new)
        other.write_text(text)
        settings = gateway_settings(other)
        adapters = {
            agency: one.model_copy(update={"address": f"127.0.0.1:{town.ports[agency]}"})
            for agency, one in settings.adapters.items()
            if agency in town.ports
        }
        settings = settings.model_copy(update={"adapters": adapters})
        second = loop.run(start(other, settings, Telemetry(), create=False))
        client = Client(
            f"127.0.0.1:{second.gateway.port}",
            town.tls(PHD),
            town.vkey,
            server_name=GATEWAY,
            token=lambda: town.token(PHD),
        )
        town.clients.append(client)
        yield town, second, client
    finally:
        town.stop()
        if second is not None:
            loop.run(second.stop(0.1))
        loop.close()


def test_two_gateways_answer_from_one_log(county: tuple[Town, Running, Client]) -> None:
    """Records leave by either; a month's table that left by one leaves by the other no more."""
    town, second, other = county
    runs = request(EMS, PHD, "ems.overdose_run@1", SURVEILLANCE, "pcr_uuid age sex")
    month = request(
        HRO,
        PHD,
        "harm_reduction.naloxone_distribution@1",
        SURVEILLANCE,
        "distributed_on site_id naloxone_product kits",
        where=[Condition("distributed_on", Operator.EQ, (closed(),))],
    )

    here = town.ask(runs)
    there = town.ask(with_terms(runs), client=other)
    town.ask(month)
    with pytest.raises(RefusedError) as refused:
        town.ask(with_terms(month), client=other)

    assert here.rows
    assert len(here.rows) == len(there.rows)
    assert Reason.CELL_RELEASED == refused.value.reason
    # One tree: the later receipt stands behind the earlier one, by whichever gateway it came.
    assert here.receipt.index < there.receipt.index
    told = second.log.reads.rows("SELECT DISTINCT id FROM log_replica ORDER BY id")
    assert [("one",), ("two",)] == [tuple(row) for row in told]
