"""The keys that secrets at rest are encrypted with."""

from __future__ import annotations

import click

from service.cli.opening import open_service, outside
from service.cli.output import as_json, print_json
from service.cli.outside import Outside
from service.store.cipher import Unreadable


@click.group()
def keys() -> None:
    """Encryption keys."""


@keys.command()
@as_json
@outside
def rotate(world: Outside, as_json: bool) -> None:
    """Encrypt every secret with the first of ENCRYPTION_KEYS; the others may be removed afterwards."""
    try:
        rotated = open_service(world).store.rotate_keys()
    except Unreadable as unreadable:
        raise click.ClickException(f"{unreadable}; add the key that it was encrypted with to ENCRYPTION_KEYS") from None
    if as_json:
        print_json({"rotated": rotated})
    else:
        click.echo(f"{rotated} secrets are encrypted with the first key")
