"""Processes: what they refuse to start with, and what they do from beginning to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from click.testing import Result
from fake_engine import some_settings
from outside_fakes import World
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from service.dispatch.ownership import OwnedByAnother, owning

Type = Callable[..., Result]

POSTGRESQL = "postgresql+psycopg://db.example/sync"


def test_one_process_owns_the_file(tmp_path: Path) -> None:
    books = tmp_path / "var" / "books.db"

    with owning(books), pytest.raises(OwnedByAnother), owning(books):
        pass

    with owning(books):
        pass


def test_a_second_server_on_the_same_file_is_refused(run: Type, world: World, tmp_path: Path) -> None:
    world.env["DATABASE_URL"] = f"sqlite:///{tmp_path}/books.db"

    with owning(tmp_path / "books.db"):
        result = run("serve")

    assert (result.exit_code, result.stderr) == (1, "Error: another qbo-sync process works on books.db\n")


@pytest.mark.parametrize("command", [["serve"], ["worker"], ["connections"]])
def test_on_postgresql_tables_that_are_behind_wait_for_an_operator(run: Type, world: World, command: list[str]) -> None:
    world.env["DATABASE_URL"] = POSTGRESQL
    world.migrations.behind = True

    result = run(*command)

    assert result.exit_code == 1
    assert result.stderr == "Error: the database is behind this version: run qbo-sync migrate\n"
    assert world.migrations.upgraded == []


def test_on_sqlite_tables_are_brought_up_to_date(run: Type, world: World) -> None:
    world.migrations.behind = True

    assert run("connections").exit_code == 0
    assert world.migrations.upgraded == ["sqlite://"]


def test_migrate_brings_the_tables_up_to_date(run: Type, world: World, tmp_path: Path) -> None:
    world.env["DATABASE_URL"] = f"sqlite:///{tmp_path}/new/books.db"

    assert run("migrate").exit_code == 0

    assert world.migrations.upgraded == [world.env["DATABASE_URL"]]
    assert (tmp_path / "new").is_dir()


def test_a_worker_on_sqlite_is_refused(run: Type, world: World) -> None:
    result = run("worker")

    assert result.exit_code == 1
    assert result.stderr == "Error: worker needs PostgreSQL; on SQLite qbo-sync serve works too\n"


def test_a_worker_beside_a_server_that_works_itself_is_refused(run: Type, world: World) -> None:
    """They would not share QuickBooks' limits."""
    world.env["DATABASE_URL"] = POSTGRESQL

    result = run("worker")

    assert result.exit_code == 1
    assert "WORKERS=external" in result.stderr


def test_a_worker_works_until_it_is_told_to_stop(run: Type, world: World) -> None:
    world.env |= {"DATABASE_URL": POSTGRESQL, "WORKERS": "external"}
    heard = world.service.dispatcher.heard
    world.while_working = lambda: heard.append("working")

    assert run("worker").exit_code == 0

    assert heard == ["start", "working", "stop"]
    assert not world.service.store.claims_cleared


@pytest.mark.parametrize(("worker", "looks"), [("ok", False), ("none was ever seen: start qbo-sync worker", True)])
def test_a_worker_looks_at_everything_unless_others_are_at_work(
    run: Type, world: World, worker: str, looks: bool
) -> None:
    """The first one may stand on a database that came back from a backup; each look is metered."""
    world.env |= {"DATABASE_URL": POSTGRESQL, "WORKERS": "external"}
    world.service.settings = some_settings(**world.env)
    world.service.desk.worker = worker

    assert run("worker").exit_code == 0

    assert world.service.store.all_are_swept is looks


@pytest.mark.parametrize("is_ready", [True, False])
def test_a_container_without_http_is_asked_whether_it_is_ready(run: Type, world: World, is_ready: bool) -> None:
    world.service.desk.ready = is_ready

    result = run("ready")

    assert result.exit_code == (0 if is_ready else 1)
    assert f"database: {'ok' if is_ready else 'cannot be reached'}" in result.stdout


@pytest.mark.parametrize("words", [["demo"], ["demo", "--once"]])
def test_the_demo_needs_no_settings(run: Type, world: World, words: list[str]) -> None:
    world.env.clear()

    assert run(*words).exit_code == 0
    assert world.demos == ["--once" in words]


def answer_to_a_body_that_never_comes(port: int) -> str:
    """All that the server says to a notice of 9 MiB, of which nothing is sent; it must end the connection itself."""
    request = b"POST /webhooks/erp/acct-1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9437184\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(request)
        return b"".join(iter(lambda: line.recv(65536), b"")).decode()


def test_a_server_answers_works_and_leaves_in_order(tmp_path: Path) -> None:
    """The real gunicorn, in a process of its own, over the engine in memory."""
    script = Path(__file__).with_name("serving.py")
    search = os.pathsep.join([str(script.parent), str(script.parent.parent)])
    command = [sys.executable, str(script), f"sqlite:///{tmp_path}/books.db", str(tmp_path / "heard")]
    port = 20_000 + os.getpid() % 20_000
    server = subprocess.Popen(
        [*command, str(port)], env=os.environ | {"PYTHONPATH": search}, stderr=subprocess.PIPE, text=True
    )
    try:
        with requests.Session() as browser:
            browser.mount("http://", HTTPAdapter(max_retries=Retry(total=100, backoff_factor=0.05, backoff_max=0.2)))
            answer = browser.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
        too_large = answer_to_a_body_that_never_comes(port)
    finally:
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=20)

    assert answer.json() == {"status": "ok"}
    assert answer.headers["Connection"] == "keep-alive"
    assert too_large.startswith("HTTP/1.1 413 ")
    assert "\r\nConnection: close\r\n" in too_large
    assert (server.returncode, (tmp_path / "heard").read_text().split()) == (0, ["start", "stop"]), log
