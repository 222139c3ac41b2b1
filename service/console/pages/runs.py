"""Jobs on a connection: what they do now, what they did, and those that wait for somebody's approval."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import Response, flash, redirect, render_template, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.showing import STATUSES, words
from service.console.tables import Column, Filter, Row, Table
from service.ports import Listed

KINDS = ("reconcile", "enable_two_way", "soft_disconnect", "hard_disconnect", "resync", "restore", "repair")
_STATES = ("queued", "running", "held", "succeeded", "failed", "cancelled")
GOING_ON = ("queued", "running")
CAN_BE_STOPPED = (*GOING_ON, "held")
MOST_STEPS = 200
"""Steps of a held run that are shown; the totals count all."""
TRIGGERS = {"person": "a person", "sweep": "the schedule", "webhook": "a webhook"}


def spelled(kind: object) -> str:
    """`enable_two_way` as people say it."""
    return str(kind).replace("_", " ").capitalize().replace("Enable two way", "Turn on two-way sync")


def lasted(row: Row) -> str | None:
    """How long a run took, or has taken so far."""
    return _took(row["state"], row["started_at"], row["finished_at"])


def duration(seconds: int) -> str:
    """1 h 4 min, 3 min 5 s, 12 s."""
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _progress(row: Row) -> str | None:
    return f"{row['done']:,} of {row['total']:,}" if row["total"] else None


RUNS = Table(
    "runs",
    (
        Column("created_at", "Asked for", "when"),
        Column("kind", "Run", read=lambda row: spelled(row["kind"]), href=lambda row: _address(row)),
        Column("state", "State", "status"),
        Column("trigger", "Begun by", read=lambda row: row["requested_by"] or TRIGGERS.get(row["trigger"])),
        Column("done", "Progress", read=_progress),
        Column("problems", "Problems", "count"),
        Column("metered_calls", "Metered calls", "count"),
        Column("started_at", "Took", sortable=False, read=lasted),
        Column("error", "What it says", sortable=False, wide=True),
        *(Column(name, words(name), only_exported=True) for name in ("id", "total", "free_calls", "erp_calls")),
        *(Column(name, words(name), only_exported=True) for name in ("requested_by", "approved_by", "finished_at")),
    ),
    sort="-created_at",
    search="run id, person or message",
    filters=(
        Filter("kind", "Run", tuple((kind, spelled(kind)) for kind in KINDS)),
        Filter("state", "State", tuple((state, STATUSES[state].label) for state in _STATES)),
    ),
    empty=("Nothing has run yet", "A run begins with a webhook, by the schedule, or when somebody asks for it."),
)


def _address(row: Row) -> str | None:
    return url_for("console.run", account_id=row["account_id"], run_id=row["id"])


@console.get("/connections/<account_id>/runs")
def runs(account_id: str) -> Response | PlainResponse:
    def rows(**asked: Any) -> Listed:
        found = office().browsing.page("runs", account_id, **asked)
        return Listed([{**row, "account_id": account_id} for row in found.rows], found.total)

    connection = office().browsing.connection(account_id)
    return RUNS.answer(rows, "console/runs.html", connection=connection, tab="runs")


@console.get("/connections/<account_id>/runs/<run_id>")
def run(account_id: str, run_id: str) -> str:
    return _page("console/run.html", account_id, run_id)


@console.get("/connections/<account_id>/runs/<run_id>/progress")
def run_progress(account_id: str, run_id: str) -> str:
    """The part that moves; it asks for itself again until the run is over."""
    return _page("console/_run.html", account_id, run_id)


@console.post("/connections/<account_id>/runs/<run_id>/cancel")
def cancel_run(account_id: str, run_id: str) -> PlainResponse:
    known = office().proofs.run(account_id, run_id)
    office().desk.cancel(known.id, actor=actor())
    flash("Cancelled." if known.state in ("queued", "held") else "It stops at the next step.")
    return _back(account_id, run_id)


@console.post("/connections/<account_id>/runs/<run_id>/approve")
def approve_run(account_id: str, run_id: str) -> PlainResponse:
    office().desk.approve(office().proofs.run(account_id, run_id).id, actor=actor())
    flash("Released: it goes on now.")
    return _back(account_id, run_id)


def _page(template: str, account_id: str, run_id: str) -> str:
    known = office().proofs.run(account_id, run_id)
    held = office().proofs.would_change(account_id, known) if known.state == "held" else None
    return render_template(
        template,
        connection=office().browsing.connection(account_id),
        tab="runs",
        run=known,
        shown=office().desk.run(run_id),
        name=spelled(known.kind),
        begun_by=known.requested_by or TRIGGERS.get(known.trigger, known.trigger),
        took=_took(known.state, known.started_at, known.finished_at),
        going_on=known.state in GOING_ON,
        can_be_stopped=known.state in CAN_BE_STOPPED and not known.cancel_requested,
        own=known.requested_by == actor(),
        held=held,
        most_steps=MOST_STEPS,
    )


def _took(state: str, begun: datetime | None, ended: datetime | None) -> str | None:
    until = ended or (office().clock() if state == "running" else None)
    return duration(int((until - begun).total_seconds())) if begun and until else None


def _back(account_id: str, run_id: str) -> PlainResponse:
    return redirect(url_for("console.run", account_id=account_id, run_id=run_id), HTTPStatus.SEE_OTHER)
