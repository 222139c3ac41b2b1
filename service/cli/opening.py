"""From the environment to a service that may be asked: settings read, log lines set up, tables in place."""

from __future__ import annotations

import click

from service.cli.outside import Migrations, Outside
from service.console.context import Office
from service.logs import configure_logging
from service.settings import Settings, load_settings

ACTOR = "command line"

outside = click.make_pass_decorator(Outside)


class NotReady(Exception):
    """What must be done first, in one line."""


def open_service(world: Outside) -> Office:
    """The service for a command that asks and ends. Warnings alone are logged, for a person at a terminal."""
    settings = load_settings(world.env)
    configure_logging("console", "WARNING")
    prepare_tables(settings, world.migrations)
    return world.build(settings)


def prepare_tables(settings: Settings, migrations: Migrations) -> None:
    """On SQLite bring them up to date. On PostgreSQL others may be at work, so an operator decides when.

    Raises: `NotReady`.
    """
    url = settings.database_url.get_secret_value()
    if settings.on_sqlite:
        make_room(settings)
        migrations.upgrade(url)
    elif migrations.pending(url):
        raise NotReady("the database is behind this version: run qbo-sync migrate")


def make_room(settings: Settings) -> None:
    """SQLite makes its file, but not the directory around it."""
    if settings.database_file is not None:
        settings.database_file.parent.mkdir(parents=True, exist_ok=True)
