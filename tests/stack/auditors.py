"""Everything that an auditor can get out of a deployment's log, opened, as bytes to be searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet
from typer.testing import CliRunner

from gateway.cli.main import app
from tests.stack.canaries import files

if TYPE_CHECKING:
    from pathlib import Path


def looked(folder: Path, to: Path) -> dict[str, bytes]:
    """Run each verb of `accord log` over a stopped deployment; return what it wrote and printed.

    Args:
        folder: The deployment.
        to: A new folder for what is written.
    """
    to.mkdir()
    settings, out = str(folder / "gateway.toml"), str(to / "log")
    verbs = {
        "export": ["export", settings, out, "--open"],
        "table": ["query", settings, "--limit", "0"],
        "parquet": ["query", settings, "--as", "parquet", "-o", str(to / "parquet")],
        "report": ["report", settings, "-o", str(to / "report.html")],
        "proof": ["proof", settings, "1", "-o", str(to / "proofs")],
        "verify": ["verify", out, "--vkey", str(folder / "log.vkey"), "--first"],
        "verify store": [
            "verify", "--store", settings, "--keys", settings,
            "--vkey", str(folder / "log.vkey"), "--first", "--json",
        ],
    } | {
        form: ["query", settings, "--as", form] for form in ("csv", "jsonl", "fhir", "ocsf")
    }  # fmt: skip
    said = {}
    for name, arguments in verbs.items():
        done = CliRunner().invoke(app, ["log", *arguments])
        assert 0 == done.exit_code, (name, done.output)
        said[f"accord log {name}"] = done.output.encode() + done.stderr.encode()
    table = pyarrow.parquet.read_table(to / "parquet")
    said["parquet, unpacked"] = repr(table.to_pylist()).encode()
    return said | {f"auditor/{name}": data for name, data in files(to).items()}
