"""Commands that run a process (serve, worker, demo) or ready the database for one (migrate)."""

from __future__ import annotations

from contextlib import ExitStack

import click

from service.cli.opening import NotReady, make_room, outside, prepare_tables
from service.cli.outside import Outside
from service.cli.runs import STOP_WITHIN_S, begin_work
from service.dispatch.ownership import owning
from service.logs import configure_logging
from service.settings import load_settings
from service.tracing import start_tracing


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")
@outside
def serve(world: Outside, host: str, port: int) -> None:
    """Serve HTTP, and work too unless WORKERS is external."""
    from service.cli.web_server import WebServer

    settings = load_settings(world.env)
    configure_logging(settings.log_format, settings.log_level)
    with ExitStack() as stack:
        if settings.database_file is not None:
            stack.enter_context(owning(settings.database_file))
        prepare_tables(settings, world.migrations)
        WebServer(lambda: world.build(settings), host, port).run()


@click.command()
@outside
def worker(world: Outside) -> None:
    """Work without serving HTTP; any number of these may run on PostgreSQL with WORKERS=external."""
    settings = load_settings(world.env)
    if settings.on_sqlite:
        raise NotReady("worker needs PostgreSQL; on SQLite qbo-sync serve works too")
    configure_logging(settings.log_format, settings.log_level)
    prepare_tables(settings, world.migrations)
    if settings.workers == "embedded":
        raise NotReady("worker needs WORKERS=external, for all processes; with embedded qbo-sync serve works by itself")
    start_tracing(world.env)
    service = world.build(settings)
    begin_work(service)
    try:
        world.wait_for_stop()
    finally:
        service.dispatcher.stop(STOP_WITHIN_S)


@click.command()
@outside
def migrate(world: Outside) -> None:
    """Bring the database's tables up to date."""
    settings = load_settings(world.env)
    make_room(settings)
    world.migrations.upgrade(settings.database_url.get_secret_value())
    click.echo("the database is up to date")


@click.command()
@click.option("--once", is_flag=True, help="End by itself; exit status 0 only if every step held.")
@outside
@click.pass_context
def demo(context: click.Context, world: Outside, once: bool) -> None:
    """Tell the whole story against two simulators, on this machine alone."""
    context.exit(world.demo(once))
