"""A proof pack on paper and as a file: one page that prints, and the figures behind it as CSV."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

import simplejson
from jinja2 import Environment, PackageLoader

from service.console.showing import in_utc, local, look, money
from service.engine.proofs import Pack
from service.ports import Audit, KeptTieOut, Problem, Run, Tied
from service.web.csv_files import lines

Row = Mapping[str, Any]


def as_page(pack: Pack, *, stylesheet: str | None = None) -> str:
    """The page; without the address of a stylesheet it carries its own, and can be kept and mailed by itself."""
    style = None if stylesheet else _style()
    apart = [each for each in pack.tie_out.companies if each.explained or each.difference]
    return (
        _templates()
        .get_template("proof_pack.html")
        .render(pack=pack, stylesheet=stylesheet, style=style, apart=apart, zone=str(pack.zone), spelled=_spelled)
    )


def as_zip(pack: Pack) -> bytes:
    """The page and every table as a file. `audit-chain.jsonl` holds what each hash covers, letter by letter."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(_named(pack, "proof.html"), as_page(pack))
        for name, columns, rows in _tables(pack):
            with files.open(_named(pack, name), "w") as file:
                for line in lines(columns, rows):
                    file.write(line.encode())
        with files.open(_named(pack, "audit-chain.jsonl"), "w") as file:
            for text, digest in pack.hashed():
                file.write((simplejson.dumps({"hash": digest, "text": text}) + "\n").encode())
    return whole.getvalue()


def file_name(pack: Pack) -> str:
    """Of the zip: the account and the last day, safe in any file system."""
    account = re.sub(r"[^A-Za-z0-9._-]+", "-", pack.connection.account_id).strip("-.") or "account"
    return f"proof-{account}-{pack.until.astimezone(pack.zone).date().isoformat()}.zip"


def _named(pack: Pack, name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, pack.made_at.timetuple()[:6])
    made.compress_type = zipfile.ZIP_DEFLATED
    return made


def _tables(pack: Pack) -> Iterable[tuple[str, tuple[str, ...], Iterable[Row]]]:
    yield "companies.csv", _COMPANY, map(_company, pack.tie_out.companies)
    yield "documents.csv", _DOCUMENT, (row for each in pack.tie_out.companies for row in _documents(each))
    yield "trend.csv", _TOTALS, map(_totals, pack.trend)
    yield "open-problems.csv", _PROBLEM, map(_problem, pack.open_problems)
    yield "plans.csv", _RUN, map(_run, pack.plans)
    for name, rows in (("dismissed", pack.dismissed), ("approvals", pack.approvals), ("settings", pack.settings)):
        yield f"{name}.csv", _AUDIT, map(_audit, rows)
    yield "audit.csv", _AUDIT, map(_audit, pack.audit())


_COMPANY = (
    *("company_id", "name", "quickbooks_id", "erp_ar", "quickbooks_ar", "difference", "quickbooks_balance"),
    *("erp_credit", "quickbooks_credit"),
)
_DOCUMENT = ("company_id", "company", "kind", "number", "erp_id", "quickbooks_id", "amount", "cause")
_TOTALS = ("at", "erp_ar", "quickbooks_ar", "difference", "apart", "companies", "differing", "audit_rows", "audit_hash")
_PROBLEM = (
    *("id", "status", "code", "kind", "number", "erp_id", "quickbooks_id", "company_id", "amount", "cause"),
    *("what_to_do", "first_seen", "last_seen"),
)
_RUN = ("id", "kind", "state", "requested_by", "approved_by", "plan_id", "created_at", "finished_at")
_AUDIT = (
    *("row", "at", "actor", "action", "side", "kind", "number", "erp_id", "quickbooks_id", "company_id", "amount"),
    *("why", "run_id", "before", "after", "hash"),
)


def _company(each: Tied) -> Row:
    balance = None if each.quickbooks_balance is None else _amount(each.quickbooks_balance)
    amounts = {name: _amount(getattr(each, name)) for name in _COMPANY if name.endswith(("_ar", "_credit", "rence"))}
    return (
        {"company_id": each.company_id, "name": each.name, "quickbooks_id": each.quickbooks_id}
        | amounts
        | {"quickbooks_balance": balance}
    )


def _documents(each: Tied) -> Iterable[Row]:
    for document in each.explained:
        amount = _amount(document["amount"])
        yield {**document, "amount": amount, "company_id": each.company_id, "company": each.name}


def _totals(each: KeptTieOut) -> Row:
    amounts = {name: _amount(getattr(each, name)) for name in ("erp_ar", "quickbooks_ar", "difference", "apart")}
    rest = {name: getattr(each, name) for name in ("companies", "differing", "audit_rows", "audit_hash")}
    return {"at": _moment(each.at), **amounts, **rest}


def _problem(each: Problem) -> Row:
    amount = None if each.amount is None else _amount(each.amount)
    times = {"first_seen": _moment(each.first_seen), "last_seen": _moment(each.last_seen)}
    return {name: getattr(each, name) for name in _PROBLEM} | {"amount": amount} | times


def _run(each: Run) -> Row:
    times = {"created_at": _moment(each.created_at), "finished_at": _moment(each.finished_at)}
    return {name: getattr(each, name, None) for name in _RUN} | times | {"plan_id": each.params.get("plan_id")}


def _audit(each: Audit) -> Row:
    sides = {name: _json(getattr(each, name)) for name in ("before", "after")}
    amount = None if each.amount is None else _amount(each.amount)
    shown = {name: getattr(each, name, None) for name in _AUDIT}
    return {**shown, **sides, "row": each.seq, "at": _moment(each.at), "amount": amount}


def _json(value: object) -> str | None:
    return None if value is None else str(simplejson.dumps(value, use_decimal=True))


def _amount(cents: int) -> str:
    return money(cents).replace(",", "")


def _moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _spelled(word: object) -> str:
    return str(word).replace("_", " ").capitalize()


@cache
def _style() -> str:
    return resources.files("service.console").joinpath("static/proof.css").read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    """Its own: the command line writes packs too, without a web application."""
    loader = PackageLoader("service.console", "templates/console")
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    filters: dict[str, Callable[..., str]] = {"money": money, "local": local, "in_utc": in_utc}
    made.filters.update(filters)
    made.globals["look"] = look
    return made
