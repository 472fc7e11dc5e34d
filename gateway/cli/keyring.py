"""The key folder of a deployment, under the master that its settings name."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import ED25519, Signer, Verifier
from gateway.audit.signers import Signers
from gateway.errors import SettingsError
from gateway.keys import files
from gateway.keys.folder import KeyFolder
from gateway.keys.master import LocalMaster, make_file
from gateway.keys.names import GRACE
from gateway.keys.uri import ENVIRONMENT, PKCS11, token_uri
from gateway.settings import beside
from gateway.store.consents import RegisterKey

if TYPE_CHECKING:
    import datetime as dt

    from gateway.keys.master import Master
    from gateway.ports import Entropy
    from gateway.settings import GatewaySettings


def open_keys(path: Path, settings: GatewaySettings, entropy: Entropy) -> KeyFolder:
    """Return the keys of a deployment.

    Raises:
        SettingsError: The master or the folder is not what it should be.
    """
    master = open_master(path, settings.keys.kek, entropy)
    return KeyFolder(beside(path, settings.keys.folder), entropy, master)


def signers(origin: str, keys: KeyFolder, now: dt.datetime) -> Signers:
    """Return the keys of a log: a retired one signs for 30 days more, and is known for ever.

    Raises:
        SettingsError: There is none that signs.
    """
    in_use, *before = keys.signing()
    if in_use.seed is None:
        raise SettingsError("the key store has no key that signs the exchange log")
    retiring, retired = [], []
    for one in before:
        if one.seed is not None and one.retired is not None and now < one.retired + GRACE:
            retiring.append(Signer.from_seed(origin, one.seed))
        else:
            retired.append(Verifier(origin, ED25519, one.public))
    return Signers(Signer.from_seed(origin, in_use.seed), tuple(retiring), tuple(retired))


def register_key(keys: KeyFolder) -> RegisterKey:
    """Return the key of the register of consents; it stays, as long as the register does."""
    return RegisterKey(*keys.pseudonym("register/consent", "forever"))


def open_master(path: Path, kek: str, entropy: Entropy, *, create: bool = False) -> Master:
    """Return the master that `keys.kek` names; see `gateway.keys.uri`.

    Args:
        path: The settings; a file of the master is named relative to them.
        kek: The setting.
        entropy: What nonces, and a master that is made, are of.
        create: Make a file, or a key on a token, where there is none. A variable of the environment
            is the operator's to set.

    Raises:
        SettingsError: It is not there, or not what it should be.
    """
    if kek.startswith(ENVIRONMENT):
        return LocalMaster.of_environment(kek.removeprefix(ENVIRONMENT), os.environ, entropy)
    if not kek.startswith(PKCS11):
        place = beside(path, kek)
        if create:
            make_file(place, entropy)
        return LocalMaster.of_file(place, entropy)
    uri = token_uri(kek)
    if find_spec("pkcs11") is None:
        raise SettingsError("`keys.kek`: a token needs the extra `pkcs11`")
    from gateway.keys.token import TokenMaster

    make = TokenMaster.create if create else TokenMaster
    return make(uri, _pin(uri.pin_source), entropy)


def _pin(source: str) -> str:
    if source.startswith(ENVIRONMENT):
        pin = os.environ.get(source.removeprefix(ENVIRONMENT), "")
    else:
        data = files.read(Path(source.removeprefix("file:").removeprefix("//")))
        pin = data.decode("utf-8", "replace").strip()
    if not pin:
        raise SettingsError("`keys.kek`: `pin-source` holds no PIN")
    return pin
