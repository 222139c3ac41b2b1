"""Notices as they came: listed, and read again after a fix."""

from __future__ import annotations

import click

from service.cli.opening import ACTOR, open_service, outside
from service.cli.output import as_json, every_page, print_json, print_table
from service.cli.outside import Outside

PAGE = 500
STATES = ("new", "done", "ignored", "quarantined", "replayed", "dismissed")
_COLUMNS = ("id", "received_at", "source", "account_id", "type", "event", "entity_id", "state", "error")


@click.group()
def notices() -> None:
    """Webhooks as they came."""


@notices.command("list")
@click.argument("account", required=False)
@click.option(
    "--state", "states", type=click.Choice(STATES), multiple=True, default=("quarantined",), show_default=True
)
@as_json
@outside
def list_(world: Outside, account: str | None, states: tuple[str, ...], as_json: bool) -> None:
    """List them, newest first; those that could not be read, unless asked otherwise."""
    replaying = open_service(world).replaying
    found = every_page(lambda cursor: replaying.notices(account, states=states, cursor=cursor, limit=PAGE))
    if as_json:
        print_json({"data": found})
    else:
        print_table(_COLUMNS, found)


@notices.command()
@click.argument("notice_ids", metavar="ID…", type=int, nargs=-1)
@click.option("--quarantined", is_flag=True, help="All that could not be read.")
@as_json
@outside
def replay(world: Outside, notice_ids: tuple[int, ...], quarantined: bool, as_json: bool) -> None:
    """Read them again, after a fix. Nothing happens twice: both books' state decides what is done.

    The work itself is done where qbo-sync serve (or worker) runs. Exit status 1 where one still cannot be read.
    """
    if bool(notice_ids) == quarantined:
        raise click.UsageError("Give the ids of notices, or --quarantined.")
    replaying = open_service(world).replaying
    if quarantined:
        found = every_page(lambda cursor: replaying.notices(None, states=("quarantined",), cursor=cursor, limit=PAGE))
        notice_ids = tuple(notice["id"] for notice in reversed(found))
    counts = replaying.replay(notice_ids, actor=ACTOR)
    if as_json:
        print_json(counts)
    else:
        click.echo(f"{counts['replayed']} read again, {counts['unreadable']} still cannot be read")
    if counts["unreadable"]:
        raise click.exceptions.Exit(1)
