"""Commands that look: for people as tables, for programs as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from fake_engine import a_link
from outside_fakes import World
from sqlalchemy.exc import OperationalError

from service.errors import Reason, Rejected

Type = Callable[..., Result]


def test_links_are_listed_whole_for_a_program(run: Type, world: World) -> None:
    world.service.desk.all_links = [a_link(f"INV-{number}") for number in range(1201)]

    result = run("links", "acct-1", "--json")

    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["data"]) == 1201


@pytest.mark.parametrize(("option", "name"), [("--erp-id", "erp_id"), ("--quickbooks-id", "quickbooks_id")])
def test_one_link_is_found_from_either_side(run: Type, world: World, option: str, name: str) -> None:
    result = run("links", "acct-1", option, "145")

    assert "INV-1" in result.stdout
    assert world.service.desk.was_asked("links")[name] == "145"


def test_tie_out_shows_the_difference(run: Type) -> None:
    result = run("tie-out", "acct-1")

    assert result.exit_code == 0
    assert "=Evil Farms" in result.stdout
    assert "difference -20.00" in result.stdout


def test_connections_are_listed(run: Type, world: World) -> None:
    world.service.desk.create_connection("acct-1", "Green [bold] Leaf", "key", actor="test")

    assert "Green [bold] Leaf" in run("connections").stdout
    assert json.loads(run("connections", "--json").stdout)["data"][0]["account_id"] == "acct-1"


def test_an_unknown_account_fails_with_a_sentence(run: Type, world: World) -> None:
    world.service.desk.refuse("tie_out", Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this id."))

    result = run("tie-out", "nobody")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: No connection has this id. (qbo-sync connections lists the accounts)\n"


def test_a_missing_setting_fails_with_one_line_that_names_it(run: Type, world: World) -> None:
    del world.env["ERP_API_URL"]

    for command in (["serve"], ["worker"], ["migrate"], ["connections"], ["tie-out", "acct-1"], ["tokens", "list"]):
        result = run(*command)
        assert (result.exit_code, result.stderr) == (1, "Error: ERP_API_URL is missing\n")


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["tie-out"],
        ["links", "acct-1", "--erp-id", "1", "--quickbooks-id", "2"],
        ["serve", "--port", "http"],
        ["tokens", "create", "backend", "boss"],
    ],
)
def test_wrong_usage_has_a_status_of_its_own(run: Type, words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_a_database_that_does_not_answer_is_no_stack_trace(run: Type, world: World) -> None:
    world.service.desk.refuse("tie_out", OperationalError("select 1", {}, Exception("hunter2")))

    result = run("tie-out", "acct-1")

    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert "hunter2" not in result.output


def test_a_token_is_made_shown_once_and_revoked(run: Type, world: World) -> None:
    assert run("tokens", "create", "backend", "erp").stdout == "shown-once\n"
    assert json.loads(run("tokens", "create", "other", "viewer", "--json").stdout)["token"] == "shown-once"
    assert "backend" in run("tokens", "list").stdout
    assert "shown-once" not in run("tokens", "list", "--json").stdout

    assert run("tokens", "revoke", "backend").exit_code == 0
    assert world.service.desk.revoked == ["backend"]


@pytest.mark.parametrize(("typed", "meant"), [(["reconcil"], "reconcile"), (["tokens", "lst"], "list")])
def test_a_command_that_is_nearly_right_is_guessed(run: Type, typed: list[str], meant: str) -> None:
    result = run(*typed)

    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_to_complete_the_commands(run: Type, world: World, shell: str) -> None:
    world.env.clear()

    result = run("completion", shell)

    assert result.exit_code == 0
    assert "_QBO_SYNC_COMPLETE" in result.stdout
