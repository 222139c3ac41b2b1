"""What waits for a person: by cause, one by one, and a conflict's three copies side by side."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.pages.links import KINDS
from service.console.showing import STATUSES, money
from service.console.tables import Column, Filter, Row, Table, in_memory
from service.engine import views
from service.errors import Reason, Rejected
from service.ports import Connection

_LONGEST_REASON = 500
_STATUSES = ("open", "conflict", "dismissed", "resolved")


def _amounts(row: Row) -> str:
    return ", ".join(f"{money(amount)} {currency}" for currency, amount in row["amounts"].items())


def _to_cause(row: Row) -> str:
    if row["account_id"] is None:
        return url_for("console.problem", problem_id=row["example"]["id"])
    return url_for("console.problem_group", account_id=row["account_id"], group=row["cause_group"])


def _to_problem(row: Row) -> str:
    return url_for("console.problem", problem_id=row["id"])


def _name(row: Row) -> str:
    if row["code"] == views.UNREADABLE:
        return f"Notice {views.notice_number(row['id'])}"
    kind = str(row.get("kind") or "").capitalize()
    number = row.get("number") or row.get("erp_id") or row.get("quickbooks_id") or ""
    return f"{kind} {number}".strip() or "The connection"


_CAUSE_COLUMNS = (
    Column("cause", "Cause", href=_to_cause, wide=True),
    Column("count", "Records", "count"),
    Column("amounts", "Amount", read=_amounts, sortable=False),
    Column("oldest", "Oldest", "when"),
    Column("newest", "Last tried", "when"),
    Column("what_to_do", "What to do", sortable=False, wide=True),
)
_OF_WHICH = Filter("conflicts", "Show", (("only", "Conflicts only"),), means=lambda _: True, column="has_conflicts")
_NONE_OPEN = ("Nothing waits for a person", "What cannot be brought into step by itself appears here, with its cause.")

CAUSES = Table("causes", _CAUSE_COLUMNS, sort="-count", filters=(_OF_WHICH,), search="cause or code", empty=_NONE_OPEN)
ALL_CAUSES = Table(
    "causes",
    (Column("connection", "Account"), *_CAUSE_COLUMNS),
    sort="-count",
    filters=(_OF_WHICH,),
    search="cause, code or account",
    empty=_NONE_OPEN,
)
MEMBERS = Table(
    "records",
    (
        Column("number", "Record", read=_name, href=_to_problem),
        Column("company", "Company"),
        Column("amount", "Amount", "money"),
        Column("currency", "Currency"),
        Column("cause", "What was said", sortable=False, wide=True),
        Column("first_seen", "Since", "when"),
        Column("last_seen", "Last tried", "when"),
        Column("attempts", "Times", "count"),
    ),
    sort="first_seen",
    search="number, id, company or cause",
    empty=("None is open any more", "All records with this cause were settled meanwhile."),
)
EACH = Table(
    "problems",
    (
        Column("number", "Record", read=_name, href=_to_problem),
        Column("status", "Status", "status"),
        Column("company", "Company"),
        Column("amount", "Amount", "money"),
        Column("cause", "Cause", sortable=False, wide=True),
        Column("reason", "Put aside because", sortable=False, wide=True),
        Column("last_seen", "Last tried", "when"),
    ),
    sort="-last_seen",
    search="number, id, company or cause",
    filters=(
        Filter(
            "status", "Status", tuple((s, STATUSES[s].label) for s in ("open", "conflict", "dismissed", "resolved"))
        ),
        Filter("kind", "Kind", tuple((kind, kind.capitalize()) for kind in KINDS)),
        Filter("code", "Code"),
    ),
    empty=("There was never a problem here", "Open, dismissed and resolved ones are listed here."),
)


def _listed(groups: list[dict[str, Any]]) -> Any:
    rows = [group | {"has_conflicts": group["conflicts"] > 0} for group in groups]
    return in_memory(rows, ("cause", "code", "connection", "quickbooks_code"))


@console.get("/problems")
def all_problems() -> Response | PlainResponse:
    groups = office().problem_desk.groups()
    return ALL_CAUSES.answer(_listed(groups), "console/all_problems.html", groups=groups)


@console.get("/connections/<account_id>/problems")
def problems(account_id: str) -> Response | PlainResponse:
    connection = office().browsing.connection(account_id)
    groups = office().problem_desk.groups(account_id)
    return CAUSES.answer(_listed(groups), "console/problems.html", connection=connection, groups=groups)


@console.get("/connections/<account_id>/problems/list")
def each_problem(account_id: str) -> Response | PlainResponse:
    """Every problem there ever was, one by one."""
    connection = office().browsing.connection(account_id)
    rows = partial(office().browsing.page, "problems", account_id)
    return EACH.answer(rows, "console/each_problem.html", connection=connection)


@console.get("/connections/<account_id>/problems/causes/<group>")
def problem_group(account_id: str, group: str) -> Response | PlainResponse:
    connection = office().browsing.connection(account_id)
    cause = office().problem_desk.group(account_id, group)
    if group == views.UNREADABLE:
        rows: Any = in_memory(cause["notices"], ("cause",))
        fixed = None
    else:
        rows = partial(office().browsing.page, "problems", account_id)
        fixed = {"cause_group": group, "status": ["open", "conflict"]}
    return MEMBERS.answer(rows, "console/problem_group.html", fixed=fixed, connection=connection, cause=cause)


@console.post("/connections/<account_id>/problems/causes/<group>/retry")
def retry_group(account_id: str, group: str) -> PlainResponse:
    answer = office().problem_desk.retry_group(account_id, group, actor=actor())
    return _follow(answer) if "id" in answer else _tell(answer, account_id)


@console.post("/connections/<account_id>/problems/causes/<group>/dismiss")
def dismiss_group(account_id: str, group: str) -> PlainResponse:
    gone = office().problem_desk.dismiss_group(account_id, group, reason=_reason(), actor=actor())
    flash(f"{gone} {'problem was' if gone == 1 else 'problems were'} put aside. Who did and why stands in the audit.")
    return _back("problems", account_id=account_id)


@console.get("/problems/<problem_id>")
def problem(problem_id: str) -> str:
    shown = office().problem_desk.problem(problem_id)
    return render_template("console/problem.html", problem=shown, name=_name(shown), connection=_connection(shown))


@console.post("/problems/<problem_id>/retry")
def retry_problem(problem_id: str) -> PlainResponse:
    shown = office().problem_desk.problem(problem_id)
    if shown["cause_group"] == views.UNREADABLE:
        answer = office().replaying.replay([views.notice_number(problem_id)], actor=actor())
        return _tell(answer, shown["account_id"])
    return _follow(office().desk.retry(problem_id, actor=actor()))


@console.post("/problems/<problem_id>/dismiss")
def dismiss_problem(problem_id: str) -> PlainResponse:
    shown = office().problem_desk.problem(problem_id)
    office().desk.dismiss(problem_id, reason=_reason(), actor=actor())
    flash("It was put aside. Who did and why stands in the audit.")
    return _to_list(shown["account_id"])


@console.post("/problems/<problem_id>/resolve")
def resolve_problem(problem_id: str) -> PlainResponse:
    return _follow(office().desk.resolve(problem_id, choice=request.form.get("choice", ""), actor=actor()))


def _reason() -> str:
    reason = request.form.get("reason", "").strip()
    if not reason or len(reason) > _LONGEST_REASON:
        sentence = f"Say in a few words (at most {_LONGEST_REASON} characters) why it may be put aside."
        raise Rejected(Reason.INVALID, "reason_missing", sentence, field="reason")
    return reason


def _follow(run: dict[str, Any]) -> PlainResponse:
    """To the run's own page, which shows how far it is and what came of it."""
    return _back("work", account_id=run["account_id"], run_id=run["id"])


def _tell(counts: dict[str, Any], account_id: str | None) -> PlainResponse:
    """What became of notices that were read again."""
    if counts["unreadable"]:
        flash(f"{counts['unreadable']} still cannot be read; {counts['replayed']} went through.", "error")
    else:
        flash(f"{counts['replayed']} went through.")
    return _to_list(account_id)


def _connection(shown: dict[str, Any]) -> Connection | None:
    return office().browsing.connection(shown["account_id"]) if shown["account_id"] else None


def _to_list(account_id: str | None) -> PlainResponse:
    return _back("problems", account_id=account_id) if account_id else _back("all_problems")


def _back(view: str, **values: Any) -> PlainResponse:
    return redirect(url_for(f"console.{view}", **values), HTTPStatus.SEE_OTHER)
