"""The checkpoint that an agency keeps: replaced by what was proved, never by what contradicts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.cli.kept import leave
from gateway.errors import AccordError, LogError, Reason
from gateway.settings import client_settings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[client]
agency = "synthetic-phd"
checkpoint = "kept"
[gateway]
address = "127.0.0.1:1"
san = "gateway.example"
vkey = "v"
[tls]
certificate = "c"
key = "k"
ca = "a"
"""


@dataclass
class TwinClient:
    """A client that is given what it finds."""

    proved: str = "older\n"
    contradicting: str = ""
    error: AccordError | None = None
    grows_to: str = ""
    closed: bool = False

    async def prove(self) -> None:
        """Prove, or not."""
        if self.error is not None:
            raise self.error
        self.proved = self.grows_to or self.proved

    async def close(self) -> None:
        """Close."""
        self.closed = True


def _leave(folder: Path, client: TwinClient) -> None:
    path = folder / "client.toml"
    path.write_text(SETTINGS)
    (folder / "kept").write_text("older\n")
    asyncio.run(leave(path, client_settings(path), client))  # type: ignore[arg-type]


def _files(folder: Path) -> dict[str, str]:
    return {one.name: one.read_text() for one in folder.iterdir() if one.name.startswith("kept")}


def test_what_was_proved_is_kept(tmp_path: Path) -> None:
    """The newer checkpoint takes the older one's place, and the client is closed."""
    client = TwinClient(grows_to="newer\n")

    _leave(tmp_path, client)

    assert ({"kept": "newer\n"}, True) == (_files(tmp_path), client.closed)


def test_what_contradicts_lies_beside_what_was_kept(tmp_path: Path) -> None:
    """Both are there for anybody to see, and the message names them."""
    error = LogError("two checkpoints contradict")
    client = TwinClient(contradicting="other\n", error=error)

    with pytest.raises(LogError, match=r"`kept` and `kept\.contradicting`"):
        _leave(tmp_path, client)

    assert {"kept": "older\n", "kept.contradicting": "other\n"} == _files(tmp_path)
    assert client.closed


def test_without_a_proof_the_older_one_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gateway that is gone proves nothing and disproves nothing; that is said."""
    client = TwinClient(error=AccordError(Reason.STOPPING, "gone"))

    _leave(tmp_path, client)

    assert ({"kept": "older\n"}, True) == (_files(tmp_path), client.closed)
    assert "(STOPPING): the older one stays" in capsys.readouterr().err
