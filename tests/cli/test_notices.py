"""Stored notices, from a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from fake_engine import NOON
from outside_fakes import World

Type = Callable[..., Result]


def a_kept(notice_id: int, state: str = "quarantined") -> dict[str, Any]:
    """A notice as it is listed."""
    shown = {"source": "quickbooks", "account_id": None, "type": None, "event": None, "entity_id": None}
    return {"id": notice_id, "state": state, "error": "not JSON", "received_at": NOON} | shown


def test_those_that_could_not_be_read_are_listed_unless_asked_otherwise(run: Type, world: World) -> None:
    world.service.replaying.kept = [a_kept(2), a_kept(1, "done")]

    assert [each["id"] for each in json.loads(run("notices", "list", "--json").stdout)["data"]] == [2]
    assert [each["id"] for each in json.loads(run("notices", "list", "--state", "done", "--json").stdout)["data"]] == [
        1
    ]
    assert "not JSON" in run("notices", "list").stdout


def test_all_that_could_not_be_read_are_replayed_in_the_order_in_which_they_came(run: Type, world: World) -> None:
    world.service.replaying.kept = [a_kept(3), a_kept(2), a_kept(1, "done")]

    result = run("notices", "replay", "--quarantined")

    assert (result.exit_code, world.service.replaying.replayed) == (0, [2, 3])
    assert "2 read again" in result.stdout


def test_one_that_still_cannot_be_read_fails_the_command(run: Type, world: World) -> None:
    world.service.replaying.unreadable = {7}

    result = run("notices", "replay", "7", "8", "--json")

    assert (result.exit_code, json.loads(result.stdout)) == (1, {"replayed": 1, "unreadable": 1})


@pytest.mark.parametrize("arguments", [(), ("7", "--quarantined")])
def test_which_ones_has_to_be_said_once(run: Type, arguments: tuple[str, ...]) -> None:
    assert run("notices", "replay", *arguments).exit_code == 2
