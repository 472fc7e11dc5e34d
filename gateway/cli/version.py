"""Which build this is: it stands in `config` and `intent` entries of the exchange log."""

from __future__ import annotations

from importlib import metadata


def _version() -> str:
    try:
        return metadata.version("accord-gateway")
    except metadata.PackageNotFoundError:
        return "0"


VERSION = _version()
BUILD = f"accord/{VERSION}"
