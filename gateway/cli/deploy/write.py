"""Writes a development deployment into a folder.

Everything that `accord serve` and its peers need.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.agreement.layout.fmt import laid_out
from gateway.agreement.lint.folder import AGENCIES, TESTS, is_agreement
from gateway.agreement.spans import add, duration
from gateway.audit.checkpoint import Signer
from gateway.cli.deploy import templates
from gateway.cli.deploy.county import COUNTY, MEMBERS, Member, PublicKeys, registry
from gateway.cli.deploy.pki import Authority, signing_key, token_key
from gateway.cli.deploy.sign import sign_all
from gateway.cli.keyring import open_master
from gateway.errors import SettingsError
from gateway.keys.folder import KeyFolder
from gateway.settings import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.spans import Duration
    from gateway.ports import Clock, Entropy

GATEWAY_SAN = "gateway.county.example"
KEK = "kek/kek"
MONTHS_BACK = 5
TEMPLATE_DATES = ("2026-06-01", "2027-05-31", "2027-03-01", "2028-03-01")
"""`effective`, `expires`, `review_by` and the last day of determinations of what is shipped.

An anchor that is to move with the term is among them.
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens, on loopback."""

    main: int
    admin: int
    adapters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was written.

    Attributes:
        folder: All of it.
        vkey: The exchange log's key, which every party pins.
    """

    folder: Path
    vkey: str

    @property
    def gateway(self) -> Path:
        """`gateway.toml`."""
        return self.folder / "gateway.toml"

    def agency(self, agency: str) -> Path:
        """The folder of one agency."""
        return self.folder / "agencies" / agency


def shipped() -> Path:
    """Return the folder of agreements that comes with the program."""
    here = Path(__file__).resolve()
    for folder in (here.parents[1] / "starter", here.parents[3] / "agreements"):
        if (folder / "_floor.yaml").is_file():
            return folder
    raise SettingsError("the agreements that come with the program are not installed")


def write_deployment(
    folder: Path, *, clock: Clock, entropy: Entropy, origin: str, ports: Ports
) -> Deployment:
    """Write a whole deployment of the development county, its agreements signed.

    Raises:
        SettingsError: The folder is there and not empty, or the origin is none.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(f"{folder} is not empty")
    if not re.fullmatch(ORIGIN, origin):
        raise SettingsError("the origin of a log is a name without blanks and `+`")
    now = clock.now()
    for name in ("agencies", "agreements", "pki", "data", "held", "keys", "kek", "tables"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "keys").chmod(0o700)
    (folder / "kek").chmod(0o700)

    master = open_master(folder / "gateway.toml", KEK, entropy, create=True)
    keys = KeyFolder.create(folder / "keys", entropy, master)
    vkey = Signer.from_seed(origin, keys.signing_seed()).vkey
    (folder / "log.vkey").write_text(vkey + "\n")

    authority = Authority(now)
    (folder / "pki" / "ca.crt").write_bytes(authority.pem())
    authority.issue(folder / "pki", "gateway", GATEWAY_SAN)
    public = {member.id: _agency(folder, member, authority) for member in MEMBERS}

    _agreements(folder / "agreements", registry(public, vkey, now.date()), now.date())
    digests = _tables(folder / "tables")
    sign_all(folder, now)
    settings = templates.gateway(origin, ports.main, ports.admin, ports.adapters, digests)
    (folder / "gateway.toml").write_text(settings)
    for member in MEMBERS:
        client = templates.client(member, ports.main, vkey)
        (folder / "agencies" / member.id / "client.toml").write_text(client)
    for member in COUNTY:
        adapter = templates.adapter(member, ports.adapters[member.id])
        (folder / "agencies" / member.id / "adapter.toml").write_text(adapter)
    return Deployment(folder, vkey)


def _agency(folder: Path, member: Member, authority: Authority) -> PublicKeys:
    home = folder / "agencies" / member.id
    (home / "data").mkdir(parents=True)
    (home / "ca.crt").write_bytes(authority.pem())
    authority.issue(home, "client", member.san)
    if member.adapter:
        authority.issue(home, "adapter", member.adapter_san)
    return PublicKeys(signing_key(home / "signing.key"), token_key(home / "token.key"))


def _agreements(folder: Path, agencies: str, today: dt.date) -> None:
    """Copy what is shipped, its term laid around today, with this county's registry.

    Officers' tests are copied as they lie: they say in which term their days are.
    """
    effective = add(today.replace(day=1), _span(f"P{MONTHS_BACK}M"), -1)
    expires = add(effective, _span("P1Y")) - dt.timedelta(days=1)
    review = add(effective, _span("P11M"))
    new = (str(effective), str(expires), str(review), str(add(effective, _span("P21M"))))
    for path in sorted(shipped().rglob("*")):
        place = folder / path.relative_to(shipped())
        if path.is_dir():
            place.mkdir(exist_ok=True)
        elif path.name.endswith(TESTS):
            # Their clock is their own, and so is the term that they suppose.
            shutil.copyfile(path, place)
        elif is_agreement(path.name) and path.parent == shipped():
            text = path.read_text()
            for old, date in zip(TEMPLATE_DATES, new, strict=True):
                text = text.replace(old, date)
            place.write_text(text)
        elif not path.name.endswith(".sig.json"):
            shutil.copyfile(path, place)
    (folder / AGENCIES).write_bytes(laid_out(agencies.encode(), file=AGENCIES))


def _span(text: str) -> Duration:
    made = duration(text)
    assert made is not None  # noqa: S101 - written in this module
    return made


def _tables(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the county's synthetic reference tables; return file and digest by reference."""
    from gateway.cli.county.tables import tables
    from gateway.cli.tables import reference

    found: dict[str, tuple[str, str]] = {}
    for name, data in tables().files.items():
        (folder / name).write_bytes(data)
        found[reference(data)] = (f"tables/{name}", hashlib.sha256(data).hexdigest())
    return found
