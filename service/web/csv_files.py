"""Lists as CSV, safe to open in a spreadsheet: no cell of ours is ever taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flask import Response, request, stream_with_context

from service.web.engine_protocol import Json

LINK_COLUMNS = (
    "kind",
    "erp_id",
    "erp_number",
    "quickbooks_type",
    "quickbooks_id",
    "quickbooks_number",
    "status",
    "epoch",
    "updated_at",
)
TIE_OUT_COLUMNS = (
    "company_id",
    "name",
    "quickbooks_id",
    "erp_ar",
    "quickbooks_ar",
    "quickbooks_balance",
    "difference",
    "erp_credit",
    "quickbooks_credit",
    "explained_by",
)
LEGACY_COLUMNS = (
    "company_id",
    "company_name",
    "credit_id",
    "credit_number",
    "payment_number",
    "invoice_number",
    "amount",
    "used",
    "erp_open",
    "uses",
    "credit_memo_id",
    "credit_memo_number",
    "credit_memo_amount",
    "credit_memo_open",
    "quickbooks_payment_id",
    "quickbooks_payment_amount",
    "quickbooks_payment_open",
    "repairable",
    "left_out",
)
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def wants_csv() -> bool:
    """Whether the request prefers CSV to JSON."""
    return request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv"


def links_as_csv(page: Callable[[str | None], Json], cursor: str | None) -> Response:
    """Every page from `cursor` on, sent as it is read; the first before the answer begins, so that it may fail."""
    return download("links.csv", LINK_COLUMNS, _rows(page, page(cursor)))


def tie_out_as_csv(tie_out: Json) -> Response:
    """A line for each company; the documents that explain its difference share the last cell."""
    return download("tie-out.csv", TIE_OUT_COLUMNS, tie_out_rows(tie_out))


def tie_out_rows(tie_out: Json) -> Iterator[Mapping[str, Any]]:
    """As `TIE_OUT_COLUMNS` wants them."""
    for company in tie_out["companies"]:
        yield {**company, "explained_by": _explained(company["explained_by"])}


def legacy_overpayments_as_csv(found: Json) -> Response:
    """A line for each credit; its uses share a cell."""
    return download("legacy-overpayments.csv", LEGACY_COLUMNS, (_flat(row) for row in found["data"]))


def safe_cell(value: object) -> object:
    """Text that a spreadsheet would run gets an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def download(name: str, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Response:
    """A file of these columns, each line sent as its row is read."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(stream_with_context(lines(columns, rows)), mimetype="text/csv", headers=headers)


def _rows(page: Callable[[str | None], Json], first: Json) -> Iterator[Mapping[str, Any]]:
    answer = first
    yield from answer["data"]
    while answer["next_cursor"] is not None:
        answer = page(answer["next_cursor"])
        yield from answer["data"]


def _explained(documents: Iterable[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{each['kind']} {each['erp_id'] or each['quickbooks_id']} {each['amount']}: {each['cause']}"
        for each in documents
    )


def _flat(row: Mapping[str, Any]) -> Mapping[str, Any]:
    memo, payment = row["quickbooks"]["credit_memo"], row["quickbooks"]["payment"] or {}
    uses = "; ".join(f"{use['amount']} on {use['invoice_number'] or use['invoice_id']}" for use in row["uses"])
    named = {f"credit_memo_{name}": memo[name] for name in ("id", "number", "amount", "open")}
    named |= {f"quickbooks_payment_{name}": payment.get(name) for name in ("id", "amount", "open")}
    return {**row, **named, "uses": uses}


def lines(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A file's lines, as they are read."""
    yield _line(columns)
    for row in rows:
        yield _line(safe_cell(row.get(column)) for column in columns)


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
