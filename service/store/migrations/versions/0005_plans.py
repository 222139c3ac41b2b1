"""Rows of kept plans in tables of their own; a run's phase, its pace and the problems that it met; what a single-use
secret is for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import simplejson
import sqlalchemy as sa
from alembic import op

revision = "0005_plans"
down_revision = "0004_proofs"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables and columns, and move the rows of the plans that are there."""
    op.add_column("runs", sa.Column("phase", sa.Text))
    op.add_column("runs", sa.Column("pace", sa.Text))
    op.add_column("plans", sa.Column("outdated_at", INSTANT))
    op.add_column("plans", sa.Column("run_id", sa.Text))
    op.add_column("single_use", sa.Column("purpose", sa.Text))
    op.create_index("ix_plans_connection_id_kind", "plans", ["connection_id", "kind"])
    op.create_table(
        "run_problems",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("problem_id", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_run_problems_problem_id_problems"),
        sa.PrimaryKeyConstraint("run_id", "problem_id", name="pk_run_problems"),
    )
    rows = op.create_table(
        "plan_rows",
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("erp_id", sa.Text),
        sa.Column("quickbooks_id", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("company_id", sa.Text),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("gl_effect", sa.Text),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_plan_rows_plan_id_plans"),
        _of_connection("plan_rows"),
        sa.PrimaryKeyConstraint("plan_id", "seq", name="pk_plan_rows"),
    )
    op.create_index("ix_plan_rows_plan_id_action", "plan_rows", ["plan_id", "action"])
    companies = op.create_table(
        "plan_companies",
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("company_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("quickbooks_id", sa.Text),
        sa.Column("erp_before", sa.BigInteger),
        sa.Column("erp_after", sa.BigInteger),
        sa.Column("quickbooks_before", sa.BigInteger),
        sa.Column("quickbooks_after", sa.BigInteger),
        sa.Column("facts", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_plan_companies_plan_id_plans"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name="fk_plan_companies_connection_id_connections"
        ),
        sa.PrimaryKeyConstraint("plan_id", "company_id", name="pk_plan_companies"),
    )
    _move(rows, companies)


def _of_connection(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=f"fk_{table}_connection_id_connections")


def _move(rows: sa.Table, companies: sa.Table) -> None:
    """What older plans hold in one text, plan by plan; the totals stay with the plan."""
    plans = sa.table("plans", sa.column("id", sa.Text), sa.column("connection_id"), sa.column("body", sa.Text))
    connection = op.get_bind()
    for plan_id, connection_id in connection.execute(sa.select(plans.c.id, plans.c.connection_id)).all():
        body = simplejson.loads(connection.execute(sa.select(plans.c.body).where(plans.c.id == plan_id)).scalar_one())
        named = {"plan_id": plan_id, "connection_id": connection_id}
        steps = [named | _row(seq, step) for seq, step in enumerate(body.get("steps") or ())]
        receivables = [named | _company(each) for each in body.get("ar") or ()]
        for table, values in ((rows, steps), (companies, receivables)):
            if values:
                connection.execute(table.insert(), values)
        left = simplejson.dumps({"totals": body.get("totals") or {}})
        connection.execute(plans.update().where(plans.c.id == plan_id).values(body=left))


def _row(seq: int, step: dict[str, Any]) -> dict[str, Any]:
    effect = step.get("gl_effect")
    return {
        **{name: step.get(name) for name in ("kind", "erp_id", "quickbooks_id", "number", "company_id")},
        "seq": seq,
        "action": step["action"],
        "amount": _cents(step.get("amount")),
        "reason": step.get("reason") or "",
        "gl_effect": simplejson.dumps(effect) if effect else None,
    }


def _company(receivables: dict[str, Any]) -> dict[str, Any]:
    sides = ("erp_before", "erp_after", "quickbooks_before", "quickbooks_after")
    figures = {side: _cents(receivables[side]) for side in sides}
    return {"company_id": receivables["company_id"], "facts": "{}", **figures}


def _cents(amount: str | None) -> int:
    return int(Decimal(amount or "0") * 100)
