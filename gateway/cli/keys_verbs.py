"""`accord keys`: the verbs, as they are typed."""

from __future__ import annotations

import typer

keys = typer.Typer(help="The gateway's keys.", no_args_is_help=True)

SETTINGS = typer.Argument(help="gateway.toml")
KEY = typer.Argument(help="A key's id, as `accord keys list` has it.")


@keys.command("list", epilog="Example: accord keys list county/gateway.toml")
def list_(
    settings: str = SETTINGS,
    as_json: bool = typer.Option(False, "--json", help="As JSON."),
) -> None:
    """Print every key there ever was, its state, and until when it is needed; never a key."""
    from gateway.cli.keys import run_list

    _end(run_list(settings, as_json=as_json))


@keys.command(epilog="Example: accord keys rotate county/gateway.toml signing")
def rotate(
    settings: str = SETTINGS,
    what: str = typer.Argument(help="signing, payload, subject, or a key's id."),
) -> None:
    """Make new keys take the place of those in use, without a restart.

    Checkpoints bear the signatures of both signing keys for 30 days.
    """
    from gateway.cli.keys import run_rotate

    _end(run_rotate(settings, what))


@keys.command(epilog="Example: accord keys retire county/gateway.toml payload/2026-11.6y")
def retire(settings: str = SETTINGS, key: str = KEY) -> None:
    """Take a payload or subject key out of use; the next use makes another."""
    from gateway.cli.keys import run_retire

    _end(run_retire(settings, key))


@keys.command(epilog="Example: accord keys destroy county/gateway.toml payload/2020-01.6y")
def destroy(settings: str = SETTINGS, key: str = KEY) -> None:
    """Destroy a key that nothing needs any more; a gateway does so by itself once a day."""
    from gateway.cli.keys import run_destroy

    _end(run_destroy(settings, key))


@keys.command(epilog="Example: accord keys lost county/gateway.toml payload/2026-10.6y")
def lost(settings: str = SETTINGS, key: str = KEY) -> None:
    """Say that a key is lost: without it the gateway starts again, and an entry says so."""
    from gateway.cli.keys import run_lost

    _end(run_lost(settings, key))


@keys.command(epilog="Example: accord keys rewrap county/gateway.toml --to env:ACCORD_KEK")
def rewrap(
    settings: str = SETTINGS,
    to: str = typer.Option(
        ...,
        help="A file, env:NAME, or pkcs11:token=T;object=K?module-path=/M.so&pin-source=file:/PIN",
    ),
    create: bool = typer.Option(False, help="Make the file, or the token's key, if not there."),
) -> None:
    """Put the key folder under another master, without a restart."""
    from gateway.cli.keys import run_rewrap

    _end(run_rewrap(settings, to, create=create))


def _end(code: int) -> None:
    raise typer.Exit(code)
