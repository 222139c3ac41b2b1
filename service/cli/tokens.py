"""API tokens: made, listed, revoked."""

from __future__ import annotations

import click

from service.cli.opening import open_service, outside
from service.cli.output import as_json, print_json, print_table
from service.cli.outside import Outside
from service.settings import ROLES

_COLUMNS = ("name", "role", "created_at", "revoked_at")


@click.group()
def tokens() -> None:
    """API tokens."""


@tokens.command()
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@as_json
@outside
def create(world: Outside, name: str, role: str, as_json: bool) -> None:
    """Make a token. It is shown this once."""
    token = open_service(world).desk.create_token(name, role)
    if as_json:
        print_json({"name": name, "role": role, "token": token})
    else:
        click.echo(token)


@tokens.command("list")
@as_json
@outside
def list_(world: Outside, as_json: bool) -> None:
    """List the tokens, revoked ones included; never what they are."""
    found = open_service(world).desk.list_tokens()
    if as_json:
        print_json({"data": found})
    else:
        print_table(_COLUMNS, found)


@tokens.command()
@click.argument("name")
@outside
def revoke(world: Outside, name: str) -> None:
    """End a token at once."""
    open_service(world).desk.revoke_token(name)
    click.echo(f"{name} is revoked")
