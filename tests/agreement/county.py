"""A small synthetic county for tests of agreements: its files as text, and its keys."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.agreement import parse
from gateway.agreement.finding import Finding, FindingsError
from gateway.agreement.lint.folder import Folder, Read, read_folder
from gateway.agreement.lint.run import lint
from gateway.agreement.yaml import Document, read

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2] / "agreements"
NOW = dt.datetime(2027, 6, 15, 12, 0, 0, tzinfo=dt.UTC)
TABLES = frozenset({"zip3@2020", "areas@1", "grid@1", "grid:0.01", "h3@1", "h3:7"})

HERE = Path(__file__).parent / "county_files"
AGREEMENT = (HERE / "county.yaml").read_text()
FLOOR = (HERE / "_floor.yaml").read_text()
TESTS = (HERE / "county.test.yaml").read_text()

VKEY = "log.example/x+df231295+AfnEIaTO1+Odwiaex7z8kcQMfG+pv2E38hexYhdltGl+"
AGENCIES = (
    ("rivertown-ems", "ems", "covered_entity", "none"),
    ("rivertown-pd", "law_enforcement", "none", "none"),
    ("eastside-treatment", "sud_treatment", "covered_entity", "program"),
    ("safe-steps", "harm_reduction", "none", "none"),
    ("rivertown-health", "public_health", "none", "none"),
)


def private(agency: str) -> Ed25519PrivateKey:
    """Return an agency's test key, which follows from its name."""
    return Ed25519PrivateKey.from_private_bytes(agency.encode().ljust(32, b"\0")[:32])


def registry() -> str:
    """Return `agencies.yaml`."""
    lines = [
        "apiVersion: accord/v1",
        "kind: Agencies",
        'version: "1.0.0"',
        f'logs: [{{vkey: {VKEY}, from: "2026-12-01", until: none}}]',
        "agencies:",
    ]
    for name, kind, hipaa, part2 in AGENCIES:
        key = base64.b64encode(private(name).public_key().public_bytes_raw()).decode()
        lines.append(
            f"  {name}: {{name: {name}, kind: {kind}, hipaa: {hipaa}, part2: {part2},"
            f' san: [{name}.example], signatures: 1, attestation: {{at: "2026-11-02", valid: P1Y}},'
            f' signing_keys: [{{id: {name}-1, ed25519: "{key}", from: "2026-06-01",'
            ' until: "2028-06-01"}], delivery_keys: none}'
        )
    return "\n".join(lines) + "\n"


_PARSE: dict[str, Callable[[Document], Any]] = {
    "_floor": parse.floor,
    "agencies": parse.agencies,
    "purposes": parse.purposes,
}
_PART = {"_floor": "floor", "agencies": "registry", "purposes": "purposes"}


@functools.cache
def county() -> Folder:
    """Return the county's folder, read once."""
    folder, found = read_folder(files(), tables=TABLES)
    assert folder is not None, found
    return folder


def linted(now: dt.datetime, tables: frozenset[str] | None, **changed: str) -> tuple[Finding, ...]:
    """Return what is wrong where these files are changed; only they are read again."""
    folder = dataclasses.replace(county(), tables=tables)
    for stem, text in changed.items():
        try:
            document = read(text.encode(), file=f"{stem}.yaml")
            if stem in _PARSE:
                part: dict[str, Any] = {_PART[stem]: Read(_PARSE[stem](document), document)}
                folder = dataclasses.replace(folder, **part)
            else:
                agreement = Read(parse.agreement(document, folder.schemas), document)
                folder = dataclasses.replace(folder, agreements=(agreement,))
        except FindingsError as error:
            return error.findings
    return lint(folder, now)


def files(**changed: str) -> dict[str, bytes]:
    """Return the county's folder; `changed` replaces texts by the stem of a file's name."""
    own = {
        "county.yaml": AGREEMENT,
        "county.test.yaml": TESTS,
        "_floor.yaml": FLOOR,
        "agencies.yaml": registry(),
    }
    folder = {name: text.encode() for name, text in own.items()}
    for name in ("purposes.yaml", "codes.yaml"):
        folder[name] = (ROOT / name).read_bytes()
    for path in sorted((ROOT / "datasets").glob("*.yaml")):
        folder[f"datasets/{path.name}"] = path.read_bytes()
    for path in sorted((ROOT / "notices").glob("*.md")):
        folder[f"notices/{path.name}"] = path.read_bytes()
    for stem, text in changed.items():
        folder[f"{stem}.yaml"] = text.encode()
    return folder
