"""`accord agreements export`: agreements in another policy language, and what that cannot say."""

from __future__ import annotations

import sys
import textwrap
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
    from gateway.review.export.made import Export

LANGUAGES: Final[Mapping[str, Callable[[Agreements], Export]]] = {
    "cedar": cedar,
    "odrl": odrl,
    "oaas": oaas,
    "fhir-permission": fhir_permission,
}

_WIDTH: Final = 80


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
    sys.stdout.writelines(_wrapped(f"{export.said}; left out: {parts}", "  "))
    for one in export.lost:
        sys.stdout.writelines(_wrapped(f"  {one.part.value}: {', '.join(one.where)}", "      "))
    return 0


def _wrapped(text: str, indent: str) -> list[str]:
    """Return lines that a terminal shows whole; no name is broken."""
    lines = textwrap.wrap(
        printable(text),
        _WIDTH,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [f"{line}\n" for line in lines]
