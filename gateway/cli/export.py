"""`accord agreements export`: agreements in another policy language, and what that cannot say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import printable
from gateway.cli.explain import as_signed
from gateway.cli.officers import EXIT_FINDINGS, good, instant
from gateway.errors import SettingsError
from gateway.review.export.cedar import cedar
from gateway.review.export.fhir import fhir_permission
from gateway.review.export.oaas import oaas
from gateway.review.export.odrl import odrl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.agreement.index import Agreements
    from gateway.review.export.made import Export, Loss

LANGUAGES: Final[Mapping[str, Callable[[Agreements], Export]]] = {
    "cedar": cedar,
    "odrl": odrl,
    "oaas": oaas,
    "fhir-permission": fhir_permission,
}


def run_export(folder: str, language: str, output: str, now: str) -> int:
    """Write the agreements of a folder, as if every signature were there, and list what is lost.

    Raises:
        SettingsError: There is no such language.
        OSError: The files cannot be written.
    """
    made = LANGUAGES.get(language)
    if made is None:
        raise SettingsError(f"`--to` is one of {', '.join(LANGUAGES)}")
    read = good(Path(folder), instant(now))
    if read is None:
        return EXIT_FINDINGS
    export = made(as_signed(read))
    place = Path(output)
    place.mkdir(parents=True, exist_ok=True)
    for name, text in export.files.items():
        (place / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote     {place / name}\n")
    parts = ", ".join(one.part.value for one in export.lost) or "nothing"
    sys.stdout.write(f"{export.said}; left out: {parts}\n")
    sys.stdout.writelines(printable(_line(one)) + "\n" for one in export.lost)
    return 0


def _line(one: Loss) -> str:
    return f"  {one.part.value:32} {', '.join(one.where)}"
