"""`accord agreements schema`: what editors complete and explain the officers' files by."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.agreement.schema.files import schema_files
from gateway.cli.officers import EXIT_FINDINGS
from gateway.errors import SettingsError


def run_schema(folder: str, *, check: bool) -> int:
    """Write the schemas into a folder of agreements; with `check` only compare, 1 if they differ.

    Raises:
        SettingsError: It is no folder.
        OSError: The files cannot be written.
    """
    if not Path(folder).is_dir():
        raise SettingsError(f"{folder} is not a folder of agreements")
    place = Path(folder) / "schema"
    stale = [
        name
        for name, text in schema_files().items()
        if not (place / name).is_file() or (place / name).read_text("utf-8") != text
    ]
    if check:
        sys.stdout.writelines(f"differs   {place / name}\n" for name in stale)
        return EXIT_FINDINGS if stale else 0
    place.mkdir(exist_ok=True)
    for name, text in schema_files().items():
        (place / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote     {place / name}\n")
    return 0
