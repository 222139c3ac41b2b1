"""The doctor looks at everything and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests
from click.testing import Result
from outside_fakes import World
from sqlalchemy.exc import OperationalError

Type = Callable[..., Result]

ERP = "https://erp.example"
SANDBOX = "https://developer.api.intuit.com/.well-known/openid_sandbox_configuration"


def test_all_is_well(run: Type, world: World) -> None:
    result = run("doctor")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["settings: ok", "database: ok", "ERP: ok", "QuickBooks: ok"]


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
