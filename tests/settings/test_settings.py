"""Settings: every key known and right, or an error with file, line and key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from gateway.cli.deploy import templates
from gateway.cli.deploy.county import COUNTY
from gateway.errors import SettingsError
from gateway.settings import adapter_settings, client_settings, gateway_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIGEST = "ab" * 32
PORTS = {member.id: 8453 for member in COUNTY}
TABLES = {"zip3@1": ("tables/zip3.json", DIGEST), "grid@1": ("tables/grid.json", DIGEST)}
TEXTS = {
    "gateway": templates.gateway("demo.invalid/log", 8443, 8444, PORTS, TABLES)
    + '\n[limits]\ncalls = 10\n\n[telemetry]\nlog_level = "debug"\nsample = 0.5\n',
    "adapter": templates.adapter(COUNTY[0], 8453),
    "client": templates.client(COUNTY[0], 8443, "demo.invalid/log+00000000+AAAA"),
}
READ: dict[str, Callable[[Path], object]] = {
    "gateway": gateway_settings, "adapter": adapter_settings, "client": client_settings,
}  # fmt: skip


def fault(tmp_path: Path, kind: str, text: str | bytes) -> str:
    """Return what is said of settings that are wrong."""
    path = tmp_path / f"{kind}.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as said:
        READ[kind](path)
    return said.value.message.replace(f"{tmp_path}/", "")


def keys(kind: str) -> list[tuple[int, str]]:
    """Return line and name of every key of a template, `source` left out: it is its adapter's."""
    found, section = [], ""
    for number, line in enumerate(TEXTS[kind].splitlines(), 1):
        if header := re.match(r"\[\[?([^\]]+)\]", line):
            section = header[1].replace('"', "")
        elif (key := re.match(r"(\w+) =", line)) and not section.startswith("source"):
            found.append((number, f"{section}.{key[1]}"))
    return found


KEYS = [(kind, number, name) for kind in TEXTS for number, name in keys(kind)]
OPTIONAL = {
    "limits.calls", "telemetry.log_level", "telemetry.sample",
}  # fmt: skip


@pytest.mark.parametrize("kind", list(TEXTS))
def test_what_init_writes_is_right(tmp_path: Path, kind: str) -> None:
    """The templates of `accord init` are settings without a fault."""
    path = tmp_path / f"{kind}.toml"
    path.write_text(TEXTS[kind])

    READ[kind](path)


@pytest.mark.parametrize(("kind", "number", "name"), KEYS)
def test_a_key_of_another_type_is_said(tmp_path: Path, kind: str, number: int, name: str) -> None:
    """A table where a value belongs: file, line and key."""
    lines = TEXTS[kind].splitlines()
    lines[number - 1] = lines[number - 1].split("=")[0] + "= {a = 1}"

    assert fault(tmp_path, kind, "\n".join(lines)).startswith(f"{kind}.toml:{number}: `{name}")


@pytest.mark.parametrize(("kind", "number", "name"), KEYS)
def test_a_missing_key_is_said(tmp_path: Path, kind: str, number: int, name: str) -> None:
    """File, the line of its section, and the key."""
    lines = TEXTS[kind].splitlines()
    header = max(n for n in range(number) if lines[n].startswith("["))
    lines[number - 1] = ""
    if name in OPTIONAL:
        return

    said = fault(tmp_path, kind, "\n".join(lines))

    assert f"{kind}.toml:{header + 1}: `{name}`: missing" == said


@pytest.mark.parametrize(("kind", "number", "name"), KEYS)
def test_an_unknown_key_is_said(tmp_path: Path, kind: str, number: int, name: str) -> None:
    """A typing error is never passed over."""
    lines = TEXTS[kind].splitlines()
    lines.insert(number, "tpyo = 1")
    section = name.rpartition(".")[0]

    said = fault(tmp_path, kind, "\n".join(lines))

    assert f"{kind}.toml:{number + 1}: `{section}.tpyo`: unknown key" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('main = "127.0.0.1:8443"', 'main = "127.0.0.1:65536"', "`listen.main`: there is no"),
        ('main = "127.0.0.1:8443"', 'main = "127.0.0.1"', "`listen.main`: not of the form"),
        ('admin = "127.0.0.1:8444"', 'admin = "0.0.0.0:8444"', "`listen.admin`: the"),
        ('admin = "127.0.0.1:8444"', 'admin = "127.0.0.1.evil.example:1"', "`listen.admin`: the"),
        ('folder = "agreements"', 'folder = ""', "`agreements.folder`: "),
        ('folder = "agreements"', 'folder = "a"\npoll_s = 0', "`agreements.poll_s`: "),
        ('folder = "agreements"', 'folder = "a"\npoll_s = nan', "`agreements.poll_s`: "),
        ('folder = "agreements"', 'folder = "a"\npoll_s = 11', "`agreements.poll_s`: "),
        (DIGEST, DIGEST[:-1], "`tables.zip3@1.sha256`: not of the form"),
        (DIGEST, DIGEST.upper(), "`tables.zip3@1.sha256`: not of the form"),
        ('[tables."zip3@1"]', '[tables."../x"]', "`tables.../x"),
        ("[adapters.rivertown-ems]", "[adapters.Rivertown]", "`adapters.Rivertown"),
        ("calls = 10", "calls = 0", "`limits.calls`: "),
        ("calls = 10", "calls = true", "`limits.calls`: "),
        ("sample = 0.5", "sample = 1.5", "`telemetry.sample`: "),
        ("sample = 0.5", 'otlp = "http://collector:4317"', "`telemetry.otlp`: not of the form"),
        ("sample = 0.5", 'otlp = "https://user:secret@collector"', "`telemetry.otlp`: not of the"),
        ('log_level = "debug"', 'log_level = "loud"', "`telemetry.log_level`: not of the form"),
        ('replica = "one"', 'replica = "One"', "`gateway.replica`: not of the form"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    """What is out of its bounds or not of its form names the key, with its line."""
    assert old in TEXTS["gateway"]
    text = TEXTS["gateway"].replace(old, new, 1)
    line = text[: text.index(new)].count("\n") + 1 + new.count("\n")

    message = fault(tmp_path, "gateway", text)

    assert said in message
    assert any(one.startswith(f"gateway.toml:{line}: ") for one in message.splitlines())


def test_the_first_and_last_values_that_are_right(tmp_path: Path) -> None:
    """Bounds are taken in: the last port, every loopback, a whole number for seconds."""
    text = (
        TEXTS["gateway"]
        .replace("127.0.0.1:8443", "[::]:65535")
        .replace("127.0.0.1:8444", "[::1]:0")
    )
    text = text.replace('folder = "agreements"', 'folder = "a"\npoll_s = 10')
    path = tmp_path / "gateway.toml"
    path.write_text(text)

    settings = gateway_settings(path)

    assert ("[::]:65535", "[::1]:0", 10.0) == (
        settings.listen.main, settings.listen.admin, settings.agreements.poll_s,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[gateway\n", "gateway.toml:1: not TOML"),
        (b'[gateway]\nid = "a"\nid = "b"\n', "gateway.toml:3: not TOML"),
        (b"[gateway]\nid = '\xff'\n", "gateway.toml:2: not UTF-8"),
        (b"a = " + b"[" * 50_000, "gateway.toml:1: "),
        (b"", "gateway.toml:1: `gateway`: missing"),
    ],
)
def test_what_is_no_toml_is_said(tmp_path: Path, text: bytes, said: str) -> None:
    """File and line, never a traceback."""
    assert fault(tmp_path, "gateway", text).startswith(said)


@pytest.mark.parametrize("kind", list(TEXTS))
def test_a_file_that_is_not_there_is_said(tmp_path: Path, kind: str) -> None:
    """Absent, or a folder."""
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            READ[kind](path)
