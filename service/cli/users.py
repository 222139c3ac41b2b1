"""People who may sign in to the console: made, listed, disabled."""

from __future__ import annotations

import sys
from typing import Any

import click

from service.cli.opening import open_service, outside
from service.cli.output import as_json, print_json, print_table
from service.cli.outside import Outside
from service.engine.people import ROLES, Person

_COLUMNS = ("name", "role", "state", "signs_in_by", "created_at")


@click.group()
def users() -> None:
    """People who may sign in to the console."""


@users.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, up to its first newline.")
@as_json
@outside
def create(world: Outside, name: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Let somebody sign in. The password is asked for twice, or read from standard input."""
    service = open_service(world)
    made = service.people.create(name, role, _from_stdin() if password_stdin else _asked_twice())
    if as_json:
        print_json(_shown(made))
    else:
        click.echo(f"{made.name} may sign in at {service.settings.public_url}/console, as {made.role}")


@users.command("list")
@as_json
@outside
def list_(world: Outside, as_json: bool) -> None:
    """List the users, disabled ones included."""
    found = [_shown(person) for person in open_service(world).people.list()]
    if as_json:
        print_json({"data": found})
    else:
        print_table(_COLUMNS, found)


@users.command()
@click.argument("name")
@as_json
@outside
def disable(world: Outside, name: str, as_json: bool) -> None:
    """End all of somebody's sessions, and let them sign in no more."""
    disabled = open_service(world).people.disable(name)
    if as_json:
        print_json(_shown(disabled))
    else:
        click.echo(f"{disabled.name} is disabled")


def _asked_twice() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    return password


def _from_stdin() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _shown(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "role": person.role,
        "state": "disabled" if person.disabled_at else "active",
        "signs_in_by": "password" if person.by_password else "single sign-on",
        "created_at": person.created_at.isoformat().replace("+00:00", "Z"),
    }
