"""The audit: is its chain whole, for one connection or for all."""

from __future__ import annotations

from typing import Any

import click

from service.cli.opening import open_service, outside
from service.cli.output import as_json, every_page, print_json
from service.cli.outside import Outside
from service.console.context import Office
from service.ports import ChainCheck

PAGE = 500


@click.group()
def audit() -> None:
    """Who or what changed which record where, when and why."""


def _row_and_hash(_: click.Context, __: click.Parameter, given: str | None) -> tuple[int, str] | None:
    if given is None:
        return None
    row, _colon, digest = given.partition(":")
    if not (row.isascii() and row.isdigit() and digest):
        raise click.BadParameter("write it as ROW:HASH, as a proof pack does")
    return int(row), digest.strip().lower()


@audit.command()
@click.argument("account", required=False)
@click.option("--expect", metavar="ROW:HASH", callback=_row_and_hash, help="A row as a proof pack shows it.")
@as_json
@outside
def verify(world: Outside, account: str | None, expect: tuple[int, str] | None, as_json: bool) -> None:
    """Walk the chain of every row; exit status 1 where one does not fit."""
    if expect and not account:
        raise click.UsageError("--expect needs an ACCOUNT: a row belongs to one.")
    service = open_service(world)
    found = {each: service.proofs.verify(each, expected=expect) for each in ([account] if account else _all(service))}
    if as_json:
        print_json({"data": [_shown(each, check) for each, check in found.items()]})
    else:
        for each, check in found.items():
            click.echo(f"{each}: {_sentence(check)}")
        if not found:
            click.echo("there is no connection yet, and no audit")
    if any(check.fault for check in found.values()):
        raise click.exceptions.Exit(1)


def _all(service: Office) -> list[str]:
    page = every_page(lambda cursor: service.desk.connections(cursor=cursor, limit=PAGE))
    return [str(connection["account_id"]) for connection in page]


def _sentence(check: ChainCheck) -> str:
    if check.fault:
        return f"BROKEN. {check.fault}"
    return f"every row fits: {check.rows}; the last is {check.hash}" if check.rows else "no row yet"


def _shown(account: str, check: ChainCheck) -> dict[str, Any]:
    return {
        "account_id": account,
        "fits": check.fault is None,
        "rows": check.rows,
        "hash": check.hash,
        "broken_at": check.broken_at,
        "fault": check.fault,
        "at": check.at.isoformat().replace("+00:00", "Z"),
    }
