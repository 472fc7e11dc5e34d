"""`accord agreements`: the verbs that write a statement of one agency beside a file."""

from __future__ import annotations

import typer

from gateway.cli.verbs import end
from gateway.cli.verbs_agreements import NOW

app = typer.Typer()

FOLDER = typer.Argument(help="A folder of agreements.")
NAME = typer.Argument(help="An agreement's id.")
AGENCY = typer.Option(..., help="Who signs.")
KEY = typer.Option(..., help="The agency's Ed25519 key, PEM.")
KEY_ID = typer.Option("", help="The key's id in agencies.yaml; <agency>-1 where left out.")
ROLE = typer.Option("privacy officer", help="The signer's role, not a name.")


@app.command(
    epilog="Example: accord agreements sign county/agreements county-overdose-response "
    "--agency rivertown-ems --key county/agencies/rivertown-ems/signing.key"
)
def sign(
    folder: str = FOLDER,
    name: str = typer.Argument(help="An agreement's id, or _floor, agencies, purposes."),
    agency: str = AGENCY,
    key: str = KEY,
    key_id: str = KEY_ID,
    role: str = ROLE,
    now: str = NOW,
) -> None:
    """Sign a file for one agency, once it saw what changed and what the tests come to."""
    _state("activate", folder, name, (agency, key, key_id, role), now)


@app.command(
    epilog="Example: accord agreements suspend county/agreements early-warning "
    "--agency rivertown-ems --key county/agencies/rivertown-ems/signing.key"
)
def suspend(
    folder: str = FOLDER,
    name: str = NAME,
    agency: str = AGENCY,
    key: str = KEY,
    key_id: str = KEY_ID,
    role: str = ROLE,
    now: str = NOW,
) -> None:
    """Stop an agreement at once, by one party's word, also while its file cannot be read."""
    _state("suspend", folder, name, (agency, key, key_id, role), now)


@app.command(
    epilog="Example: accord agreements resume county/agreements early-warning "
    "--agency rivertown-ems --key county/agencies/rivertown-ems/signing.key"
)
def resume(
    folder: str = FOLDER,
    name: str = NAME,
    agency: str = AGENCY,
    key: str = KEY,
    key_id: str = KEY_ID,
    role: str = ROLE,
    now: str = NOW,
) -> None:
    """Let a suspended agreement go on: it does once every party has said so."""
    _state("resume", folder, name, (agency, key, key_id, role), now)


@app.command(
    epilog="Example: accord agreements terminate county/agreements early-warning "
    "--agency rivertown-ems --key county/agencies/rivertown-ems/signing.key"
)
def terminate(
    folder: str = FOLDER,
    name: str = NAME,
    agency: str = AGENCY,
    key: str = KEY,
    key_id: str = KEY_ID,
    role: str = ROLE,
    now: str = NOW,
) -> None:
    """End a version for good, by one party's word: only a new version takes its place."""
    _state("terminate", folder, name, (agency, key, key_id, role), now)


def _state(
    action: str, folder: str, name: str, signer: tuple[str, str, str, str], now: str
) -> None:
    from gateway.agreement.signing import Action
    from gateway.cli.signing import Signer, run_sign

    end(run_sign(folder, name, Signer(*signer), Action(action), now))
