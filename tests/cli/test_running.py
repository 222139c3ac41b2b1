"""Commands that set a connection to work, and wait until it is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from fake_engine import a_run
from outside_fakes import World

from service.dispatch.ownership import owning
from service.errors import Reason, Rejected

Type = Callable[..., Result]


@pytest.fixture
def on_a_file(world: World, tmp_path: Path) -> Path:
    """The world with its books in an SQLite file."""
    file = tmp_path / "new" / "books.db"
    world.env["DATABASE_URL"] = f"sqlite:///{file}"
    return file


@pytest.mark.parametrize("command", ["reconcile", "resync"])
def test_a_run_is_waited_for_until_it_ends(run: Type, world: World, command: str) -> None:
    world.service.desk.run_states = [a_run(command, "running"), a_run(command, "succeeded", problems=2)]

    result = run(command, "acct-1")

    assert result.exit_code == 0
    assert result.stdout == "run run-1: succeeded, 2 problems\n"
    assert world.service.desk.was_asked(command)["actor"] == "command line"


@pytest.mark.parametrize("state", ["failed", "cancelled", "held"])
def test_a_run_that_does_not_succeed_fails_the_command(run: Type, world: World, state: str) -> None:
    world.service.desk.run_states = [a_run(state=state, error="QuickBooks does not answer")]

    result = run("reconcile", "acct-1", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["state"] == state


def test_a_run_is_not_waited_for_for_ever(run: Type, world: World) -> None:
    result = run("reconcile", "acct-1", "--wait", "10")

    assert result.exit_code == 1
    assert "goes on" in result.stderr
    assert world.waited_s == 10


def test_a_long_run_draws_nothing_where_nobody_looks(run: Type, world: World) -> None:
    going = a_run(state="running", progress={"done": 1, "total": 3})
    world.service.desk.run_states = [going] * 20 + [a_run(state="succeeded")]

    result = run("reconcile", "acct-1")

    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("command", ["reconcile", "resync"])
def test_a_dry_run_shows_the_plan_and_works_nothing(run: Type, world: World, on_a_file: Path, command: str) -> None:
    shown = run(command, "acct-1", "--dry-run")
    read = run(command, "acct-1", "--dry-run", "--json")

    assert "CR-104" in shown.stdout
    assert "cancel: 1 (150.00)" in shown.stdout
    assert json.loads(read.stdout)["plan_id"] == "plan-1"
    assert world.service.dispatcher.heard == []


def test_where_nobody_serves_the_command_does_the_work(run: Type, world: World, on_a_file: Path) -> None:
    world.service.desk.run_states = [a_run(state="succeeded")]

    assert run("reconcile", "acct-1").exit_code == 0

    assert world.service.dispatcher.heard == ["start", "stop"]
    assert world.service.store.claims_cleared
    assert world.service.store.all_are_swept


def test_where_another_process_serves_the_work_is_left_to_it(run: Type, world: World, on_a_file: Path) -> None:
    world.service.desk.run_states = [a_run(state="succeeded")]

    with owning(on_a_file):
        assert run("reconcile", "acct-1").exit_code == 0

    assert world.service.dispatcher.heard == []
    assert not world.service.store.claims_cleared


def test_work_stops_even_when_the_run_cannot_be_read(run: Type, world: World, on_a_file: Path) -> None:
    world.service.desk.refuse("run", Rejected(Reason.NOT_FOUND, "unknown_run", "No run has this id."))

    assert run("reconcile", "acct-1").exit_code == 1

    assert world.service.dispatcher.heard == ["start", "stop"]
