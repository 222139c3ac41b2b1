"""What `/readyz` says, for containers that serve no HTTP."""

from __future__ import annotations

import click

from service.cli.opening import outside
from service.cli.output import as_json, print_json
from service.cli.outside import Outside
from service.logs import configure_logging
from service.settings import load_settings


@click.command()
@as_json
@outside
def ready(world: Outside, as_json: bool) -> None:
    """Say whether database, migrations and workers are as they must be. Exit status 1 where not."""
    settings = load_settings(world.env)
    configure_logging("console", "ERROR")
    readiness = world.build(settings).desk.readiness()
    if as_json:
        print_json(readiness)
    else:
        for part, said in readiness.items():
            if part != "ready":
                click.echo(f"{part}: {said}")
    if not readiness["ready"]:
        raise click.exceptions.Exit(1)
