"""Commands that set a connection to work: reconcile and resync. They wait for the run and show how far it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click
from rich.progress import Progress

from service.cli.opening import ACTOR, open_service, outside
from service.cli.output import as_json, print_json, print_table, progress_bar
from service.cli.outside import Outside
from service.dispatch.ownership import OwnedByAnother, owning
from service.web.engine_protocol import Json, Service

LOOK_EVERY_S = 0.5
QUIET_FOR_S = 2.0
STOP_WITHIN_S = 30.0

_STEPS = ("action", "kind", "number", "company_id", "amount", "reason")
_GOING_ON = ("queued", "running")

dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
wait_option = click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0), default=3600.0, show_default=True, help="Seconds to wait."
)


@click.command()
@click.argument("account")
@dry_run_option
@wait_option
@as_json
@outside
def reconcile(world: Outside, account: str, dry_run: bool, wait_s: float, as_json: bool) -> None:
    """Read both books, compare, bring into step."""
    service = open_service(world)
    answer = service.desk.reconcile(account, company_id=None, dry_run=dry_run, actor=ACTOR)
    _show(world, service, answer, dry_run=dry_run, wait_s=wait_s, as_json=as_json)


@click.command()
@click.argument("account")
@dry_run_option
@wait_option
@as_json
@outside
def resync(world: Outside, account: str, dry_run: bool, wait_s: float, as_json: bool) -> None:
    """Push what has no link yet, adopting what QuickBooks already has."""
    service = open_service(world)
    answer = service.desk.resync(
        account, kinds=None, company_ids=None, updated_after=None, customers=None, dry_run=dry_run, actor=ACTOR
    )
    _show(world, service, answer, dry_run=dry_run, wait_s=wait_s, as_json=as_json)


def _show(world: Outside, service: Service, answer: Json, *, dry_run: bool, wait_s: float, as_json: bool) -> None:
    """A plan as it is; a run when it has ended. Exit status 1 where the run did not succeed."""
    if not dry_run:
        with _somebody_works(service):
            answer = _follow(world, service, answer, wait_s)
    if as_json:
        print_json(answer)
    elif dry_run:
        _print_plan(answer)
    else:
        _print_run(answer)
    if not dry_run and answer["state"] != "succeeded":
        raise click.exceptions.Exit(1)


@contextmanager
def _somebody_works(service: Service) -> Iterator[None]:
    """On an SQLite file that no other process owns, this one does the work; else those that are there to do it."""
    file = service.settings.database_file
    with ExitStack() as stack:
        if file is not None:
            try:
                stack.enter_context(owning(file))
            except OwnedByAnother:
                file = None
        if file is not None:
            begin_work(service)
            stack.callback(service.dispatcher.stop, STOP_WITHIN_S)
        yield


def begin_work(service: Service) -> None:
    """Start the dispatcher. The only process on an SQLite file first forgets the claims of those before it.

    Both sides are read before anything is written: the database may come from a backup, and know less than we did. Not
    so where others are at work on it already; every look at a connection is metered.
    """
    others_work = service.settings.workers == "external" and service.desk.readiness()["worker"] == "ok"
    with service.store.writing() as books:
        if service.settings.on_sqlite:
            books.connections.clear_claims()
        if not others_work:
            books.connections.sweep_all()
    service.dispatcher.start()


def _follow(world: Outside, service: Service, run: Json, wait_s: float) -> Json:
    """Look at the run until it ends or waits for a person; quick ones end before a bar is drawn."""
    with ExitStack() as stack:
        bar: Progress | None = None
        for look in range(math.ceil(wait_s / LOOK_EVERY_S)):
            if run["state"] not in _GOING_ON:
                break
            if bar is None and look * LOOK_EVERY_S >= QUIET_FOR_S:
                bar = stack.enter_context(progress_bar())
                bar.add_task(run["kind"])
            world.pause(LOOK_EVERY_S)
            run = service.desk.run(run["id"])
            if bar is not None:
                bar.update(bar.task_ids[0], **_shown(run))
    return run


def _shown(run: Json) -> Json:
    """What it is busy with and how far it is, as the bar takes it."""
    at = run["progress"]
    return {"description": at.get("phase") or run["kind"], "completed": at["done"], "total": at["total"] or None}


def _print_plan(plan: Json) -> None:
    print_table(_STEPS, plan["steps"])
    for action, total in plan["totals"].items():
        click.echo(f"{action}: {total['count']} ({total['amount']})")


def _print_run(run: Json) -> None:
    click.echo(f"run {run['id']}: {run['state']}, {run['problems']} problems")
    if run["error"]:
        click.echo(run["error"], err=True)
    if run["state"] == "held":
        click.echo("It waits to be approved by another person.", err=True)
    if run["state"] in _GOING_ON:
        click.echo("It goes on where qbo-sync serve (or worker) runs.", err=True)
