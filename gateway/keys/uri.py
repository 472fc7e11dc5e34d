"""The setting `keys.kek`: where the master is.

```
kek/kek                       a file, relative to the settings
env:ACCORD_KEK                a variable of the environment
pkcs11:token=T;object=K?module-path=/PATH/MODULE.so&pin-source=file:/PATH
                              an AES key on a token; `pin-source=env:NAME` reads the PIN there
```
The last is a PKCS#11 URI (RFC 7512), of whose attributes only these are taken. A PIN in the URI
itself (`pin-value`) is refused: settings are read by many and kept in many places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

ENVIRONMENT: Final = "env:"
PKCS11: Final = "pkcs11:"

_PATH: Final = {"token", "object", "type"}
_QUERY: Final = {"module-path", "pin-source"}


@dataclass(frozen=True, slots=True)
class TokenUri:
    """A key on a token.

    Attributes:
        token: The token's label.
        label: The key's label (`object`).
        module: The path of the token's PKCS#11 module.
        pin_source: `file:PATH` or `env:NAME`, where the PIN is read.
    """

    token: str
    label: str
    module: str
    pin_source: str

    @property
    def name(self) -> str:
        """Which key it is, without where module and PIN are on this machine."""
        return f"{PKCS11}token={self.token};object={self.label}"


def token_uri(text: str) -> TokenUri:
    """Return what a PKCS#11 URI says.

    Raises:
        SettingsError: It is none, lacks a part, or has one that is not taken here.
    """
    path, _, query = text.removeprefix(PKCS11).partition("?")
    found = _parts(path.split(";"), _PATH) | _parts(query.split("&"), _QUERY)
    missing = sorted((_PATH | _QUERY) - {"type"} - found.keys())
    if missing or not text.startswith(PKCS11):
        raise SettingsError(f"`keys.kek`: the PKCS#11 URI lacks {missing}")
    if found.get("type", "secret-key") != "secret-key":
        raise SettingsError("`keys.kek`: `type` of the PKCS#11 URI is `secret-key`")
    source = found["pin-source"]
    if not source.startswith(("file:", ENVIRONMENT)):
        raise SettingsError("`keys.kek`: `pin-source` is `file:PATH` or `env:NAME`")
    return TokenUri(found["token"], found["object"], found["module-path"], source)


def _parts(parts: Iterable[str], known: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if name not in known or name in found or not value:
            # The value may be a PIN, and the name a piece of one.
            raise SettingsError(
                f"`keys.kek`: the PKCS#11 URI takes each of {sorted(known)} once, and nothing else"
            )
        found[name] = unquote(value)
    return found
