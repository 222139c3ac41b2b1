"""Looks at everything that must be in place, says what is not, and what to do about it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import asdict
from urllib.parse import urlsplit

import click
import requests
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from service.cli.opening import make_room, outside
from service.cli.output import as_json, busy, print_json, shown
from service.cli.outside import Outside, Site
from service.engine.checkup import Finding
from service.logs import configure_logging
from service.settings import BadSettings, Settings, load_settings

MOST_SKEW_S = 60
"""Further apart, signatures, grants and "changed since" go wrong."""

_DISCOVERY = {
    "production": "https://developer.api.intuit.com/.well-known/openid_configuration",
    "sandbox": "https://developer.api.intuit.com/.well-known/openid_sandbox_configuration",
}


@click.command()
@as_json
@outside
def doctor(world: Outside, as_json: bool) -> None:
    """Check settings, database, keys, workers, ERP, QuickBooks and webhooks, and say what to do.

    Changes nothing. Exit status 1 where something is wrong.
    """
    with busy("looking"):
        findings = list(_examine(world))
    if as_json:
        print_json({"data": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            shown(_line(finding))
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)


def _line(finding: Finding) -> Text:
    said = ("ok", "green") if finding.ok else (finding.what_to_do, "bold red")
    return Text.assemble(f"{finding.about}: ", said)


def _examine(world: Outside) -> Iterator[Finding]:
    try:
        settings = load_settings(world.env)
    except BadSettings as error:
        yield Finding("settings", False, f"{error} (set it and start again)")
        return
    yield Finding("settings", True)
    yield _redirect(settings)
    yield from _site(world, "ERP", settings.erp_api_url, "ERP_API_URL", any_status=True)
    discovery = _DISCOVERY.get(settings.qbo_environment, settings.qbo_environment)
    yield from _site(world, "QuickBooks", discovery, "QBO_ENVIRONMENT", any_status=False)
    database = _database(world, settings)
    yield database
    if database.ok:
        configure_logging("console", "ERROR")
        yield from world.build(settings).checkup.look()


def _redirect(settings: Settings) -> Finding:
    """Intuit's rules for redirect URIs: https, a name and no address; in development localhost will do."""
    parts = urlsplit(settings.public_url)
    local = _is_local(parts.hostname or "")
    listed = f"the Intuit app must list exactly {settings.redirect_uri}"
    if settings.qbo_environment == "production" and (parts.scheme != "https" or local or _is_address(parts.hostname)):
        return Finding("redirect URI", False, f"set PUBLIC_URL to an https address with a public name; {listed}")
    if parts.path:
        return Finding("redirect URI", False, f"PUBLIC_URL has a path, under which nothing is served; {listed}")
    if parts.scheme != "https" and not local and settings.qbo_environment == "sandbox":
        return Finding("redirect URI", False, f"set PUBLIC_URL to an https address, or to localhost; {listed}")
    return Finding("redirect URI", True)


def _is_address(host: str | None) -> bool:
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _database(world: Outside, settings: Settings) -> Finding:
    try:
        make_room(settings)
        behind = world.migrations.pending(settings.database_url.get_secret_value())
    except (SQLAlchemyError, OSError) as error:
        cannot = f"cannot be used ({type(error).__name__}): see that it runs and that DATABASE_URL leads to it"
        return Finding("database", False, cannot)
    return Finding("database", not behind, "behind this version: run qbo-sync migrate" if behind else "")


def _site(world: Outside, about: str, url: str, variable: str, *, any_status: bool) -> Iterator[Finding]:
    """Any answer of the ERP will do, it asks for a key; a discovery document must really come."""
    try:
        site = world.visit(url)
    except requests.RequestException as error:
        cannot = f"no answer ({type(error).__name__}): see {variable}, the network and the proxy"
        yield Finding(about, False, cannot)
        return
    well = site.status < requests.codes.internal_server_error if any_status else site.status == requests.codes.ok
    yield Finding(about, well, "" if well else f"answers {site.status}: see {variable}, or try again later")
    if site.said_at is not None:
        yield _clock(world, about, site)


def _clock(world: Outside, about: str, site: Site) -> Finding:
    assert site.said_at is not None
    ahead_s = round((world.now() - site.said_at).total_seconds())
    apart = abs(ahead_s) > MOST_SKEW_S
    where = "ahead of" if ahead_s > 0 else "behind"
    advice = f"this machine is {abs(ahead_s)} s {where} it: let the clock be set over the network (NTP)"
    return Finding(f"clock against {about}", not apart, advice if apart else "")
