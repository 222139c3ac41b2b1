"""A whole story is played with a mark in every secret; then everything that comes out is searched for it."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog
from click.testing import CliRunner
from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from houses import API_ROLES, a_story, app_over
from sqlalchemy import select

from service.cli import main
from service.cli.outside import Outside, Site
from service.console.rights import RIGHTS as PAGES
from service.logs import configure_logging
from service.store.tables import metadata
from service.web.roles import RIGHTS
from tests.stories.world import World

MARK = "canary"
PASSWORD = f"seven quiet {MARK} ledgers"
NAMES = ("Sunset", "Nobody's Customer")
"""What documents say: shown to whoever may see them, and in no log and no figure."""
AS_ROLE = {role: f"{MARK}-token-{role}" for role in API_ROLES}


class MarkedWorld(World):
    """The secrets that settings hold, each with the mark."""

    client_secret, verifier = f"{MARK}-client-secret", f"{MARK}-verifier"
    erp_key, erp_secret = f"{MARK}-erp-key", f"{MARK}-erp-secret"
    encryption_key, signing_key = Fernet.generate_key().decode(), f"{MARK}-signing-key"


@dataclass
class Story:
    """What was secret in it, and all that came out."""

    secrets: set[str] = field(default_factory=set)
    told: dict[str, str] = field(default_factory=dict)
    lines: str = ""
    rows: str = ""


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """Played once; each test searches another part of what came out."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("json", "DEBUG", stream)
    told = play()
    told.lines = stream.getvalue()
    yield told
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def play() -> Story:
    story, world = Story(), MarkedWorld()
    story.secrets |= {world.client_secret, world.verifier, world.erp_key, world.erp_secret, world.encryption_key}
    story.secrets |= {world.signing_key, PASSWORD, *AS_ROLE.values(), *world.qbo.tokens.living()}
    ids = a_story(world)
    app = app_over(world)
    world.desk.bootstrap_tokens.update({token: role for role, token in AS_ROLE.items()})
    story.secrets.add(world.desk.create_token("backend", "erp"))
    things_go_wrong(world, story)
    world.service.people.create("maria", "admin", PASSWORD)
    person = app.test_client()
    story.told["signing in with a wrong password"] = sign_in(person, f"{MARK}-wrong").text
    sign_in(person, PASSWORD)
    story.secrets.add(f"{MARK}-wrong")
    with person.session_transaction() as session:
        story.secrets.add(session["token"])
    story.told |= everything(app.test_client(), person, ids)
    story.told |= commands(world)
    story.rows = everything_kept(world)
    world.close()
    return story


def things_go_wrong(world: World, story: Story) -> None:
    """Grants rotate and are refused, keys are refused, calls are lost, an account is connected anew."""
    world.clock.sleep(3700)
    world.reconcile()
    story.secrets |= set(world.qbo.tokens.living())
    world.qbo.faults.add(match={}, kind="timeout_after", times=1)
    world.user.create_invoice(company_id=world.user.create_company(name="Sunset Two")["id"], amount="9.00")
    world.settle()
    world.account.api_key = "another"
    world.reconcile()
    world.account.api_key = world.erp_key
    world.qbo.tokens.revoke_realm(world.company.realm_id)
    world.wait(minutes=10)
    world.connect()
    world.settle()
    story.secrets |= set(world.qbo.tokens.living())


def sign_in(person: FlaskClient, password: str) -> Any:
    page = person.get("/console/sign-in").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return person.post("/console/sign-in", data={"csrf_token": found[1], "name": "maria", "password": password})


def address(rule: str, ids: dict[str, str]) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda name: ids.get(name[1], "some-id"), rule)


def everything(client: FlaskClient, person: FlaskClient, ids: dict[str, str]) -> dict[str, str]:
    """Every GET of the API (as JSON and CSV), of the console and of the rest; and every refusal of a body."""
    told = {}
    admin = {"Authorization": f"Bearer {AS_ROLE['admin']}"}
    for method, rule in RIGHTS:
        path = address(rule, ids)
        if method == "GET":
            for accept in ("application/json", "text/csv"):
                told[f"{path} as {accept}"] = client.get(path, headers=admin | {"Accept": accept}).text
        else:
            wrong = {"unknown": f"{MARK}-unknown", "erp_api_key": f"{MARK}-erp-key\n"}
            told[f"{method} {path}"] = client.open(path, method=method, headers=admin, json=wrong).text
    for method, rule in PAGES:
        if method == "GET":
            for query in ("", "?format=csv"):
                told[f"{rule}{query}"] = person.get(address(rule, ids) + query).text
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/connected?result=connected"):
        told[path] = client.get(path).text
    return told


def commands(world: World) -> dict[str, str]:
    """Whatever the command line says, with the world's own engine behind it."""
    env = {
        name.upper(): value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        for name, value in world.service.settings
        if name not in ("encryption_keys", "erp_webhook_secret", "api_tokens") and value is not None
    }
    env |= {"ENCRYPTION_KEYS": world.encryption_key, "ERP_WEBHOOK_SECRET": world.erp_secret}
    outside = Outside(env=env, build=lambda _: world.service, migrations=NoMigrations(), visit=lambda _: Site(200))
    typed = [
        ["connections"],
        ["links", "acc-1"],
        ["tie-out", "acc-1"],
        ["tokens", "list"],
        ["users", "list"],
        ["doctor"],
        ["tie-out", "nobody"],
        ["reconcile", "acc-1", "--dry-run"],
    ]
    said = {}
    for words in typed:
        for more in ([], ["--json"]):
            result = CliRunner().invoke(main, [*words, *more], obj=outside)
            said[" ".join(["qbo-sync", *words, *more])] = result.output
    broken = Outside(env=env | {"DATABASE_URL": f"mysql://{MARK}@host/db", "QBO_TIMEOUT": MARK})
    said["qbo-sync with broken settings"] = CliRunner().invoke(main, ["connections"], obj=broken).output
    return said


class NoMigrations:
    """Tables are where they should be."""

    def pending(self, url: str) -> bool:
        return False

    def upgrade(self, url: str) -> None:
        pass


def everything_kept(world: World) -> str:
    """Every value of every row of the database."""
    engine = world.service.store.engine
    with engine.connect() as connection:
        return json.dumps(
            [
                [str(value) for value in row]
                for table in metadata.sorted_tables
                for row in connection.execute(select(table))
            ]
        )


# ---------------------------------------------------------------------------------------------------------------------


def test_the_story_is_long_enough_to_give_something_away(story: Story) -> None:
    assert len(story.secrets) >= 14
    assert len(story.told) > 60
    assert {line["event"] for line in map(json.loads, story.lines.splitlines())} >= {"quickbooks_call", "request"}


def test_no_answer_no_page_no_file_and_no_command_shows_a_secret(story: Story) -> None:
    shown = {(where, secret) for where, text in story.told.items() for secret in found_in(text, story)}

    assert shown == set()


def test_no_log_line_shows_a_secret_even_where_all_is_logged(story: Story) -> None:
    shown = {line for line in story.lines.splitlines() if found_in(line, story)}

    assert shown == set()


def test_the_database_keeps_no_secret_that_can_be_read(story: Story) -> None:
    """Grants and keys are sealed, tokens, sessions and passwords are hashed."""
    assert found_in(story.rows, story) == set()


def test_what_documents_say_is_in_no_log_line_and_no_figure(story: Story) -> None:
    assert [name for name in NAMES if name in story.lines] == []
    assert [name for name in NAMES if name in story.told["/metrics"]] == []


def test_no_log_line_holds_what_opens_a_connect_link_or_a_consent(story: Story) -> None:
    assert re.findall(r"(?:token|code|state)=[^\s\"]+", story.lines) == []


def test_the_search_would_find_one(story: Story) -> None:
    for secret in story.secrets:
        assert secret in found_in(f"so {secret} is it", story)
    assert found_in("so nothing is it", story) == set()


def found_in(text: str, story: Story) -> set[str]:
    """The secrets, and the mark itself: a part of one would be found by it."""
    return {secret for secret in (*story.secrets, MARK) if secret in text}
