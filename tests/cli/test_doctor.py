"""The doctor looks at everything and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
from click.testing import Result
from outside_fakes import World
from sqlalchemy.exc import OperationalError

from service.engine.checkup import Finding

Type = Callable[..., Result]

ERP = "https://erp.example"
SANDBOX = "https://developer.api.intuit.com/.well-known/openid_sandbox_configuration"


def test_all_is_well(run: Type, world: World) -> None:
    result = run("doctor")

    assert result.exit_code == 0
    looked_at = ["settings", "redirect URI", "ERP", "QuickBooks", "database", "workers"]
    assert result.stdout.splitlines() == [f"{each}: ok" for each in looked_at]


def test_without_settings_nothing_else_can_be_looked_at(run: Type, world: World) -> None:
    del world.env["QBO_CLIENT_ID"]

    result = run("doctor")

    assert result.exit_code == 1
    assert result.stdout == "settings: QBO_CLIENT_ID is missing (set it and start again)\n"


def test_tables_that_are_behind_are_to_be_migrated(run: Type, world: World) -> None:
    world.migrations.behind = True

    result = run("doctor")

    assert result.exit_code == 1
    assert "database: behind this version: run qbo-sync migrate" in result.stdout
    assert world.migrations.upgraded == []


def test_a_database_that_does_not_answer_is_named_by_its_variable(run: Type, world: World) -> None:
    world.migrations.trouble = OperationalError("select 1", {}, Exception("password hunter2"))

    result = run("doctor")

    assert "DATABASE_URL" in result.stdout
    assert "hunter2" not in result.output


@pytest.mark.parametrize("answer", [401, 404])
def test_an_erp_that_asks_for_a_key_is_there(run: Type, world: World, answer: int) -> None:
    world.sites[ERP] = answer

    assert run("doctor").exit_code == 0


@pytest.mark.parametrize("trouble", [502, requests.ConnectionError("refused"), requests.Timeout("slow")])
@pytest.mark.parametrize(("site", "variable"), [(ERP, "ERP_API_URL"), (SANDBOX, "QBO_ENVIRONMENT")])
def test_a_side_that_does_not_answer_is_named_by_its_variable(
    run: Type, world: World, site: str, variable: str, trouble: int | Exception
) -> None:
    world.sites[site] = trouble

    result = run("doctor", "--json")

    [ill] = [finding for finding in json.loads(result.stdout)["data"] if not finding["ok"]]
    assert result.exit_code == 1
    assert variable in ill["what_to_do"]


def test_what_the_engine_finds_is_told_with_the_rest(run: Type, world: World) -> None:
    world.service.checkup.findings = [Finding("encryption keys", False, "2 stored secrets are opened by none of them")]

    result = run("doctor")

    assert result.exit_code == 1
    assert "encryption keys: 2 stored secrets are opened by none of them" in result.stdout


def test_behind_tables_that_are_missing_the_engine_is_not_asked(run: Type, world: World) -> None:
    world.migrations.behind = True

    assert "workers" not in run("doctor").stdout


@pytest.mark.parametrize(
    ("environment", "public_url", "ill"),
    [
        ("production", "https://sync.example", False),
        ("production", "http://sync.example", True),
        ("production", "https://127.0.0.1", True),
        ("production", "https://203.0.113.7", True),
        ("production", "http://localhost:8000", True),
        ("production", "https://sync.example/qbo", True),
        ("sandbox", "http://localhost:8000", False),
        ("sandbox", "http://127.0.0.1:8000", False),
        ("sandbox", "http://sync.example", True),
        ("sandbox", "https://sync.example", False),
    ],
)
def test_a_redirect_uri_that_intuit_would_refuse_is_named_in_full(
    run: Type, world: World, environment: str, public_url: str, ill: bool
) -> None:
    world.env |= {"QBO_ENVIRONMENT": environment, "PUBLIC_URL": public_url}

    result = run("doctor")

    assert result.exit_code == int(ill)
    assert (f"must list exactly {public_url}/oauth/quickbooks/callback" in result.stdout) == ill


@pytest.mark.parametrize(("apart_s", "said"), [(50, None), (90, "90 s ahead of"), (-7200, "7200 s behind")])
def test_a_clock_that_is_wrong_is_told_against_whose(run: Type, world: World, apart_s: int, said: str | None) -> None:
    world.their_clocks[ERP] = world.now - timedelta(seconds=apart_s)

    result = run("doctor")

    assert result.exit_code == int(said is not None)
    assert said is None or f"clock against ERP: this machine is {said} it" in result.stdout
