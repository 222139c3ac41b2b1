"""Looks at everything that must be in place, says what is not, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click
import requests
from sqlalchemy.exc import SQLAlchemyError

from service.cli.opening import make_room, outside
from service.cli.output import as_json, print_json
from service.cli.outside import Outside
from service.settings import BadSettings, Settings, load_settings

_DISCOVERY = {
    "production": "https://developer.api.intuit.com/.well-known/openid_configuration",
    "sandbox": "https://developer.api.intuit.com/.well-known/openid_sandbox_configuration",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `what_to_do` is empty where all is well."""

    about: str
    ok: bool
    what_to_do: str = ""


@click.command()
@as_json
@outside
def doctor(world: Outside, as_json: bool) -> None:
    """Check settings, database, ERP and QuickBooks, and say what to do."""
    findings = list(_examine(world))
    if as_json:
        print_json({"data": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            click.echo(f"{finding.about}: {'ok' if finding.ok else finding.what_to_do}")
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)


def _examine(world: Outside) -> Iterator[Finding]:
    try:
        settings = load_settings(world.env)
    except BadSettings as error:
        yield Finding("settings", False, f"{error} (set it and start again)")
        return
    yield Finding("settings", True)
    yield _database(world, settings)
    yield _reachable(world, "ERP", settings.erp_api_url, "ERP_API_URL", any_status=True)
    discovery = _DISCOVERY.get(settings.qbo_environment, settings.qbo_environment)
    yield _reachable(world, "QuickBooks", discovery, "QBO_ENVIRONMENT", any_status=False)


def _database(world: Outside, settings: Settings) -> Finding:
    try:
        make_room(settings)
        behind = world.migrations.pending(settings.database_url.get_secret_value())
    except (SQLAlchemyError, OSError) as error:
        cannot = f"cannot be used ({type(error).__name__}): see that it runs and that DATABASE_URL leads to it"
        return Finding("database", False, cannot)
    return Finding("database", not behind, "behind this version: run qbo-sync migrate" if behind else "")


def _reachable(world: Outside, about: str, url: str, variable: str, *, any_status: bool) -> Finding:
    """Any answer of the ERP will do, it asks for a key; a discovery document must really come."""
    try:
        status = world.status_of(url)
    except requests.RequestException as error:
        cannot = f"no answer ({type(error).__name__}): see {variable}, the network and the proxy"
        return Finding(about, False, cannot)
    well = status < requests.codes.internal_server_error if any_status else status == requests.codes.ok
    return Finding(about, well, "" if well else f"answers {status}: see {variable}, or try again later")
