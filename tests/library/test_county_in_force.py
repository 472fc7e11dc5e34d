"""The county's own set, signed, as a gateway takes it: all is in force but what pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.finding import Level
from gateway.agreement.index import Signed
from gateway.cli.clock import SystemClock
from gateway.library.folder import FolderLibrary
from gateway.settings import gateway_settings
from tests.stack.county import write

if TYPE_CHECKING:
    from pathlib import Path

PUSHED = {"overdose-alerts", "potency-alerts"}


def test_all_but_what_pushes_is_in_force(tmp_path: Path) -> None:
    """Ten agreements are signed and in force; two stay out, say so, and take nobody along."""
    folder = write(tmp_path / "county")
    tables = frozenset(gateway_settings(folder / "gateway.toml").tables)
    library = FolderLibrary(folder / "agreements", None, tables)

    library.swap(library.look(SystemClock().now()))

    pacts = library.current().pacts
    written = {path.name.partition(".")[0] for path in folder.glob("agreements/*.test.yaml")}
    assert written - PUSHED == {one.agreement.id for one in pacts}
    assert {Signed.SIGNED} == {one.signed for one in pacts}
    said = {(one.file, one.level) for one in library.findings if one.rule == "not-in-force"}
    assert {(f"{name}.yaml", Level.INFO) for name in PUSHED} == said
    assert library.healthy
