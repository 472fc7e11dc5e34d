"""Edits of a folder of agreements, as the cases of the linter's rules write them."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from gateway.agreement.lint.folder import AGENCIES, read_folder
from gateway.agreement.lint.terms import signed_digest
from gateway.agreement.signatures import write_signatures
from gateway.agreement.signing import Action, SignedFile, sign, statement
from gateway.agreement.yaml import read
from tests.agreement.county import private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Files = dict[str, bytes]
Edit = "Mapping[str, Any]"


def edited(files: Mapping[str, bytes], edits: Iterable[Mapping[str, Any]]) -> Files:
    """Return a folder after edits, one after the other; each of them must be possible."""
    made = dict(files)
    for one in edits:
        name = one.get("file", "county.yaml")
        if "sign" in one:
            _sign(made, name, one["sign"])
        elif "text" in one:
            made[name] = one["text"].encode()
        elif "gone" in one:
            del made[name]
        elif "to" in one:
            made[one["to"]] = made[name]
        elif "cut" in one:
            head, tail = (made[name].decode().index(mark) for mark in one["cut"])
            made[name] = made[name].decode().replace(made[name].decode()[head:tail], "").encode()
        elif "old" in one:
            text = made[name].decode()
            assert one["old"] in text, (name, one["old"])
            made[name] = text.replace(one["old"], one["new"], 1).encode()
        else:
            value = read(made[name], file=name).value
            _at(value, one)
            # JSON is YAML of the strict form.
            made[name] = json.dumps(value, ensure_ascii=False, indent=1).encode()
    return made


def _at(value: dict[str, Any], one: Mapping[str, Any]) -> None:
    """Change one place of a file's value; an item of a list is called by how its id begins."""
    *above, last = (one.get("at") or one["copy"]).split("/")
    parent: Any = value
    for step in above:
        parent = parent[_key(parent, step)]
    key = _key(parent, last)
    if "copy" in one:
        parent.append({**json.loads(json.dumps(parent[key])), **one["put"]})
    elif "add" in one:
        parent[key].append(one["add"])
    elif "without" in one:
        parent[key].remove(one["without"])
    elif "put" in one:
        parent[key] = one["put"]
    else:
        del parent[key]


def _key(parent: Any, step: str) -> Any:  # noqa: ANN401 - what a file holds
    if isinstance(parent, dict):
        return step
    if step.isdecimal():
        return int(step)
    return next(n for n, item in enumerate(parent) if item["id"].startswith(f"{step}-"))


# --- signatures ---


def _sign(files: Files, name: str, how: str) -> None:
    """Put a signature of the first party beside an agreement: good, of another text, or forged."""
    agreement = read(files[name], file=name).value
    agency = next(iter(agreement["parties"].values()))["agency"]
    registry = read(files[AGENCIES], file=AGENCIES).value
    [key, *_] = registry["agencies"][agency]["signing_keys"]
    key["ed25519"] = base64.b64encode(private(agency).public_key().public_bytes_raw()).decode()
    key["from"] = "2026-06-01"
    files[AGENCIES] = json.dumps(registry, ensure_ascii=False).encode()
    signer = private(agency if how != "forged" else "somebody-else")
    stem = name.removesuffix(".yaml")
    files[f"{stem}.sig.json"] = _signature(files, name, agency, key["id"], signer, how == "stale")


def _signature(
    files: Files, name: str, agency: str, key: str, signer: Ed25519PrivateKey, stale: bool  # noqa: FBT001
) -> bytes:  # fmt: skip
    folder, found = read_folder(files)
    assert folder is not None, found
    [one] = [one for one in folder.agreements if one.file == name]
    digest = bytes(32) if stale else signed_digest(folder, one)
    assert digest is not None
    since = folder.registry.model.agencies[agency].signing_keys[0].since
    draft = statement(
        SignedFile.AGREEMENT,
        one.model.ref,
        digest,
        Action.ACTIVATE,
        agency=agency,
        key=key,
        role="chief",
        time=dt.datetime.combine(since, dt.time(12), dt.UTC),
    )
    return write_signatures([sign(draft, signer)])
