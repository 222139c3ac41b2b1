"""`qbo-sync users`, over the real engine and a database file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fake_engine import ENVIRONMENT
from pwdlib.hashers.argon2 import Argon2Hasher

from service.bootstrap import World, build
from service.cli import main
from service.cli.outside import Outside
from service.passwords import ArgonPasswords

PASSWORD = "seven quiet ledgers wait"


@pytest.fixture
def users(tmp_path: Path):
    """Type `qbo-sync users …`, with what is typed at its questions."""
    quick = World(passwords=ArgonPasswords(Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)))
    env = ENVIRONMENT | {"DATABASE_URL": f"sqlite:///{tmp_path}/books.db"}
    world = Outside(env=env, build=lambda settings: build(settings, quick))

    def type_(*words: str, answers: str = "") -> Result:
        return CliRunner().invoke(main, ["users", *words], obj=world, input=answers)

    return type_


def test_the_first_admin_is_made_with_a_password_typed_twice(users):
    made = users("create", "maria", "--role", "admin", answers=f"{PASSWORD}\n{PASSWORD}\n")

    assert made.exit_code == 0
    assert made.stdout == "maria may sign in at http://127.0.0.1:8000/console, as admin\n"
    assert PASSWORD not in made.output
    [listed] = json.loads(users("list", "--json").stdout)["data"]
    assert (listed["name"], listed["role"], listed["state"]) == ("maria", "admin", "active")


def test_a_program_hands_the_password_in(users):
    made = users("create", "maria", "--role", "viewer", "--password-stdin", "--json", answers=f"{PASSWORD}\n")

    assert json.loads(made.stdout)["signs_in_by"] == "password"


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "at least 12 characters"),
        ("short", "at least 12 characters"),
        ("password1234", "easy to guess"),
        ("maria maria maria", "easy to guess"),
        ("x" * 200, "at most 128 characters"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(users, password, sentence):
    refused = users("create", "maria", "--role", "admin", "--password-stdin", answers=f"{password}\n")

    assert refused.exit_code == 1
    assert sentence in refused.output
    assert "maria" not in users("list").output


def test_there_are_no_two_users_of_one_name(users):
    users("create", "maria", "--role", "admin", "--password-stdin", answers=PASSWORD)

    again = users("create", "Maria", "--role", "viewer", "--password-stdin", answers=PASSWORD)

    assert again.exit_code == 1
    assert "There is a user Maria already" in again.output


def test_somebody_is_disabled_but_never_the_last_admin(users):
    for name, role in (("maria", "admin"), ("tom", "viewer")):
        users("create", name, "--role", role, "--password-stdin", answers=PASSWORD)

    assert users("disable", "tom").output == "tom is disabled\n"
    assert "is the last admin" in users("disable", "maria").output
    assert "There is no user" in users("disable", "eve").output
    states = {row["name"]: row["state"] for row in json.loads(users("list", "--json").stdout)["data"]}
    assert states == {"maria": "active", "tom": "disabled"}
