"""Which build this is: stands in `config` and `intent` entries of the exchange log."""

from __future__ import annotations

from importlib import metadata


def _version() -> str:
    try:
        return metadata.version("accord-gateway")
    except metadata.PackageNotFoundError:
        return "0"


BUILD = f"accord/{_version()}"
