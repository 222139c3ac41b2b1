"""Plans that were kept before their rows had a table of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command
from databases import fresh_postgres
from sqlalchemy import Engine, select, text

from service.store import migrate
from service.store.database import make_engine
from service.store.tables import plan_companies, plan_rows, plans

STEP = {"action": "cancel", "kind": "CREDIT", "erp_id": "cr-1", "quickbooks_id": None, "number": "CR-104"}
SIDES = {"erp_before": "100.00", "erp_after": "250.00", "quickbooks_before": "250.00", "quickbooks_after": "-0.50"}
BODY = {
    "plan_id": "",
    "totals": {"cancel": {"count": 1, "amount": "150.00"}},
    "steps": [{**STEP, "company_id": "co-1", "amount": "150.00", "reason": "old", "gl_effect": {"stock": False}}],
    "ar": [{"company_id": "co-1", **SIDES}],
}


@pytest.fixture(params=["sqlite file", "postgresql"])
def first_version(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "sqlite file":
        yield f"sqlite:///{tmp_path}/books.db"
        return
    with fresh_postgres() as url:
        yield url


def test_rows_and_receivables_of_older_plans_move_into_their_tables(first_version: str):
    engine = make_engine(first_version)
    _upgrade(engine, "0001")
    with engine.begin() as connection:
        connection.execute(text(_A_CONNECTION))
        connection.execute(text(_A_PLAN), {"body": json.dumps(BODY)})

    _upgrade(engine, "0005_plans")

    with engine.connect() as connection:
        [row] = connection.execute(select(plan_rows)).mappings()
        [company] = connection.execute(select(plan_companies)).mappings()
        [plan] = connection.execute(select(plans)).mappings()
    assert (row["plan_id"], row["number"], row["amount"], row["gl_effect"]) == ("p1", "CR-104", 15000, {"stock": False})
    assert (company["company_id"], company["erp_after"], company["quickbooks_after"]) == ("co-1", 25000, -50)
    assert plan["body"] == {"totals": {"cancel": {"count": 1, "amount": "150.00"}}}
    engine.dispose()


def _upgrade(engine: Engine, revision: str) -> None:
    config = migrate._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


_AT = "'2026-03-02 12:00:00'"
_A_CONNECTION = (
    "INSERT INTO connections (id, account_id, name, erp_api_key, state, epoch, two_way, settings, watermarks, lists, "
    "dirty, seen, claim, claimed_until, sweep_at, not_before, created_at) VALUES "
    f"(1, 'acme', 'Acme', '', 'new', 1, false, '{{}}', '{{}}', '{{}}', 0, 0, 0, {_AT}, {_AT}, {_AT}, {_AT})"
)
_A_PLAN = (
    "INSERT INTO plans (id, connection_id, kind, fingerprint, body, params, created_at) "
    f"VALUES ('p1', 1, 'enable_two_way', 'f', :body, '{{}}', {_AT})"
)
