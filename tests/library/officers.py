"""A synthetic county's folder on disk, signed, and a library over it."""

from __future__ import annotations

import base64
import datetime as dt
from typing import TYPE_CHECKING, Final

from gateway.agreement.lint.folder import SIGNATURES, read_folder
from gateway.agreement.signatures import read_signatures, write_signatures
from gateway.agreement.signing import Action, SignedFile, Statement, sign, statement
from gateway.library.files import contents
from gateway.library.folder import FolderLibrary
from gateway.library.statements import digest_in
from tests.agreement.county import AGENCIES, AGREEMENT, NOW, TABLES, files, private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from gateway.library.folder import Loaded

EMS, PD, OTP, HRO, PHD = (name for name, *_ in AGENCIES)
ALL: Final = (EMS, PD, OTP, HRO, PHD)
QUORUM: Final = (EMS, HRO, PHD)
"""Three of the floor's four."""

KINDS: Final = {
    "_floor": SignedFile.FLOOR,
    "agencies": SignedFile.AGENCIES,
    "purposes": SignedFile.PURPOSES,
}

_SIGNED: Final[dict[str, bytes]] = {}
"""The signature files of an unchanged folder: the same bytes each time, so made once."""


class Officers:
    """A folder of agreements whose files tests change and sign; the clock is `now`."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "agreements"
        self.memory = place / "data" / "library.json"
        self.now = NOW
        for name, data in files().items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if not _SIGNED:
            for stem in KINDS:
                self.sign(stem, QUORUM)
            self.sign("county", ALL)
            _SIGNED.update({p.name: p.read_bytes() for p in self.folder.glob("*.sig.json")})
        for name, data in _SIGNED.items():
            self.write(name, data)
        self.library = self.started()

    # --- the gateway ---

    def started(self) -> FolderLibrary:
        """Return a gateway's library as after a start: what it knows is what it wrote."""
        return FolderLibrary(self.folder, self.memory, TABLES)

    def look(self) -> Loaded:
        """Look a second later, and put that in force."""
        self.pass_time(seconds=1)
        loaded = self.library.look(self.now)
        self.library.swap(loaded)
        return loaded

    def restart(self) -> Loaded:
        """Begin again, as a new process would."""
        self.library = self.started()
        return self.look()

    def pass_time(self, **span: int) -> None:
        """Move the clock."""
        self.now += dt.timedelta(**span)

    def states(self) -> dict[str, str]:
        """Return the state of each agreement in force."""
        pacts = self.library.current().pacts
        return {one.agreement.id: one.signed.value for one in pacts}

    def rules(self) -> set[str]:
        """Return what is wrong, as `file rule`, warnings left out."""
        return {f"{one.file} {one.rule}" for one in self.library.findings if one.level in "ES"}

    # --- the officers ---

    def text(self, name: str) -> str:
        """Return a file."""
        return (self.folder / name).read_text()

    def write(self, name: str, text: str | bytes) -> None:
        """Write a file, at a time of its own."""
        data = text.encode() if isinstance(text, str) else text
        (self.folder / name).write_bytes(data)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file."""
        before = self.text(name)
        assert old in before
        self.write(name, before.replace(old, new))

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.folder / name).unlink()

    def second(self, stem: str = "alpha", **changed: str) -> None:
        """Write another agreement, with other flows than `county` unless `changed` says so."""
        first, _, rest = AGREEMENT.partition("provisions:\n")
        text = first.replace("id: county\n", f"id: {stem}\n")
        block = rest[rest.index("  - id: P2-") : rest.index("  - id: P3-")]
        text += "provisions:\n" + block.replace("to: ems", "to: phd").replace("[hro]", "none")
        for old, new in changed.items():
            text = text.replace(old, new)
        self.write(f"{stem}.yaml", text)

    def sign(
        self,
        stem: str,
        agencies: Iterable[str],
        action: Action = Action.ACTIVATE,
        *,
        key: Ed25519PrivateKey | None = None,
        key_id: str = "",
    ) -> None:
        """Add statements beside a file, as `accord agreements sign` does."""
        kind, subject, digest = self._subject(stem)
        path = self.folder / (stem + SIGNATURES)
        made: list[Statement] = []
        if path.exists():
            made += read_signatures(path.read_bytes(), file=path.name)
        for agency in agencies:
            draft = statement(
                kind,
                subject,
                digest,
                action,
                agency=agency,
                key=key_id or f"{agency}-1",
                role="privacy officer",
                time=self.now.replace(microsecond=0),
            )
            made.append(sign(draft, key or private(agency)))
        path.write_bytes(write_signatures(made))

    def _subject(self, stem: str) -> tuple[SignedFile, str, bytes]:
        folder, found = read_folder(contents(self.folder), tables=TABLES)
        assert folder is not None, found
        floor, registry, purposes = folder.floor.model, folder.registry.model, folder.purposes.model
        base = {
            "_floor": (floor.version, floor.digest),
            "agencies": (registry.version, registry.digest),
            "purposes": (purposes.version, purposes.digest),
        }
        if stem in base:
            version, digest = base[stem]
            return KINDS[stem], f"{stem}@{version}", digest
        read = next(one for one in folder.agreements if one.model.id == stem)
        return SignedFile.AGREEMENT, read.model.ref, digest_in(folder, read)


def public(key: Ed25519PrivateKey) -> str:
    """Return a key's public half as the registry writes it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
