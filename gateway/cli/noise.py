"""Whether this gateway can draw noise: it can where the extra `dp` is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from gateway.agreement.lint.noise import NOISE

if TYPE_CHECKING:
    from gateway.ports import NoiseSource


def able() -> frozenset[str]:
    """Return what an agreement may rely on besides tables: the word for noise, or nothing."""
    return frozenset({NOISE}) if find_spec("opendp") is not None else frozenset()


def source() -> NoiseSource | None:
    """Return what draws noise, or None: then no agreement that needs it loads."""
    if not able():
        return None
    from gateway.noise import OpenDpNoise

    return OpenDpNoise()
