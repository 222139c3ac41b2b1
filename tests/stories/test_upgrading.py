"""A database that an older version filled goes on under this one, and nothing is written because of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import fresh_postgres
from sqlalchemy import Engine, MetaData, create_engine, select, text

from service.store.migrate import pending, upgrade
from tests.stories.world import World

OLDEST = "0001"


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A database of today's version, and one as the oldest version left it: empty, both."""
    if request.param == "sqlite":
        today, oldest = f"sqlite:///{tmp_path}/today.db", f"sqlite:///{tmp_path}/oldest.db"
        upgrade(today)
        upgrade(oldest, OLDEST)
        yield today, oldest
        return
    with fresh_postgres() as today, fresh_postgres() as oldest:
        upgrade(today)
        upgrade(oldest, OLDEST)
        yield today, oldest


def copy_what_the_oldest_version_knew(today: str, oldest: str) -> None:
    """Row by row, those tables and columns that it had: what the real engine wrote, in the form of then."""
    source, target = create_engine(today), create_engine(oldest)
    then, now = MetaData(), MetaData()
    then.reflect(target)
    now.reflect(source)
    with source.connect() as reading, target.begin() as writing:
        for table in then.sorted_tables:
            if table.name == "alembic_version":
                continue
            columns = [now.tables[table.name].c[column.name] for column in table.columns]
            rows = [dict(row) for row in reading.execute(select(*columns)).mappings()]
            if rows:
                writing.execute(table.insert(), rows)
    _count_on(target, then)
    source.dispose()
    target.dispose()


def _count_on(target: Engine, then: MetaData) -> None:
    """PostgreSQL's sequences do not see rows that bring their number."""
    if target.dialect.name != "postgresql":
        return
    with target.begin() as connection:
        for table in then.sorted_tables:
            for column in table.primary_key:
                if column.autoincrement is True or (column.server_default is not None):
                    name = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                    newest = f"(SELECT coalesce(max({column.name}), 1) FROM {table.name})"
                    connection.execute(text(f"SELECT setval({name}, {newest})"))


def test_a_filled_database_is_migrated_and_nothing_is_written(urls: tuple[str, str]) -> None:
    today, oldest = urls
    world = World(today)
    company, customer = world.linked_company()
    first = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=first["id"], amount="120.00")
    world.user.create_credit(company_id=company, amount="50.00")
    world.person.write_credit_memo(customer, "11.00")
    world.linked_company("Nobody's")
    world.settle()
    world.check()
    links, proof, audit = world.links(), world.tie_out(), _audit(world)
    world.close()
    copy_what_the_oldest_version_knew(today, oldest)

    assert pending(oldest)
    upgrade(oldest)
    assert not pending(oldest)

    world.database_url = oldest
    world.restart()
    writes = world.company.calls.free
    assert (world.links(), _audit(world)) == (links, audit)
    assert {**world.tie_out(), "as_of": None} == {**proof, "as_of": None}
    run = world.reconcile()
    assert (run["state"], world.company.calls.free, world.problems()) == ("succeeded", writes, [])
    world.check()
    world.user.create_credit(company_id=company, amount="5.00")
    world.settle()
    assert len(world.all("CreditMemo")) == 3
    world.check()
    world.close()


def _audit(world: World) -> list[dict[str, object]]:
    return list(world.desk.audit("acc-1", record=None, run=None, cursor=None, limit=500)["data"])
