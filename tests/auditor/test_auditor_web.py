"""A log on a web server: what it says is checked, and where it leads is not followed."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from gateway.audit.merkle import entry_bundle_path, tile_path
from gateway.audit.static import OPENINGS, opening_line
from gateway.audit.verify import verify
from gateway.auditor.folder import FolderPlace
from gateway.auditor.run import Against, run
from gateway.auditor.web import WebPlace, WebReader
from gateway.errors import LogError, SettingsError
from tests.audit.build import SIGNER, Log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 600
KEYS = (SIGNER.verifier,)


class Quiet(SimpleHTTPRequestHandler):
    """A static web server; three names under it are not what they seem."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Serve a file, or misbehave."""
        if "/moved/" in self.path:
            self.send_response(302)
            self.send_header("Location", self.path.replace("/moved/", "/log/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif "/broken/" in self.path:
            self.send_error(404 if self.path.endswith("checkpoint") else 403)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path, Log]]:
    """Return a server's URL, the folder of the log behind it, and the log."""
    log = Log.begun().fill(SIZE)
    copy = log.copy()
    for path, data in copy.files.items():
        place = tmp_path / "log" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    (tmp_path / "log" / "checkpoint").write_text(copy.note)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / "log", log
    server.shutdown()
    server.server_close()
    thread.join()


def codes(url: str, held: str) -> list[str]:
    """Verify a log behind a URL."""
    report = run(WebPlace(url), Against(KEYS, (held,)))
    return [one.code for one in report.findings if one.code != "not-opened"]


def test_a_log_behind_a_url_verifies(served: tuple[str, Path, Log]) -> None:
    """As in a folder, with or without a slash at the end."""
    url, _, log = served

    assert [] == codes(f"{url}/log", log.checkpoint())
    assert [] == codes(f"{url}/log/", log.checkpoint())


def test_what_is_changed_or_missing_there_is_found(served: tuple[str, Path, Log]) -> None:
    """A bit, a file that is not there, a file that goes on for ever."""
    url, folder, log = served
    bundle, tile = folder / entry_bundle_path(0), folder / tile_path(0, 1)
    good = bundle.read_bytes()

    bundle.write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
    assert {"leaf-malformed", "leaf-mismatch"} & set(codes(f"{url}/log", log.checkpoint()))

    bundle.write_bytes(good + bytes(1 << 20))
    assert "leaf-malformed" in codes(f"{url}/log", log.checkpoint())

    bundle.write_bytes(good)
    tile.unlink()
    assert ["tile-missing"] == codes(f"{url}/log", log.checkpoint())


def test_a_log_that_grew_meanwhile_still_proves_its_checkpoint(
    served: tuple[str, Path, Log],
) -> None:
    """Its partial tiles gave way to full ones: their beginning is what was asked for."""
    url, folder, log = served
    note = log.checkpoint()
    for path, data in log.fill(800).copy().files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    for path in (entry_bundle_path(2, SIZE - 512), tile_path(0, 2, SIZE - 512)):
        (folder / path).unlink()

    assert [] == codes(f"{url}/log", note)


def test_a_redirection_is_no_answer(served: tuple[str, Path, Log]) -> None:
    """It might lead to a file or host that only this machine can reach."""
    reader = WebReader(f"{served[0]}/moved")

    with pytest.raises(LogError, match="cannot be fetched"):
        reader.checkpoint()
    reader.close()


def test_a_refusal_is_no_missing_file(served: tuple[str, Path, Log]) -> None:
    """403 ends the run; without a checkpoint nothing can be said."""
    reader = WebReader(f"{served[0]}/broken")

    with pytest.raises(LogError, match="no checkpoint"):
        reader.checkpoint()
    with pytest.raises(LogError, match="cannot be fetched"):
        reader.tile(1, 0, 2)
    reader.close()


@pytest.mark.parametrize(
    "url",
    ["ftp://host/log", "http://", "https://user:secret@host/log", "http://host/log?x=1",
     "http://host/log#x", "http://host:0/log", "http://host:99999/log", "file:///log"],
)  # fmt: skip
def test_what_is_no_url_of_a_log_is_wrong_usage(url: str) -> None:
    """Nothing is fetched, and a password is not repeated."""
    with pytest.raises(SettingsError) as caught:
        WebReader(url)

    assert "secret" not in caught.value.message


def test_the_reader_is_one_for_the_pure_verifier(served: tuple[str, Path, Log]) -> None:
    """`audit.verify` takes it as it takes a folder."""
    url, _, log = served
    reader = WebReader(f"{url}/log")

    assert [] == list(verify(reader, KEYS, held=[log.checkpoint()]))
    reader.close()


def test_two_processes_read_a_server_and_openings(served: tuple[str, Path, Log]) -> None:
    """Each from where its part begins, and both together what one says."""
    url, folder, log = served
    path = folder / OPENINGS
    path.write_text("".join(opening_line(*one) for one in sorted(log.openings.items())))
    against = Against(KEYS, (log.checkpoint(),))

    for place in (WebPlace(f"{url}/log", path), FolderPlace(folder)):
        one, two = (run(place, against, processes=count, worth=0) for count in (1, 2))

        assert one == two
        assert ([], SIZE) == (one.findings, one.tally.opened)
