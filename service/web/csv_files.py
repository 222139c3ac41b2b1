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
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def wants_csv() -> bool:
    """Whether the request prefers CSV to JSON."""
    return request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv"


def links_as_csv(page: Callable[[str | None], Json], cursor: str | None) -> Response:
    """Every page from `cursor` on, sent as it is read; the first before the answer begins, so that it may fail."""
    return _download("links.csv", LINK_COLUMNS, _rows(page, page(cursor)))


def tie_out_as_csv(tie_out: Json) -> Response:
    """A line for each company; the documents that explain its difference share the last cell."""
    rows = ({**company, "explained_by": _explained(company["explained_by"])} for company in tie_out["companies"])
    return _download("tie-out.csv", TIE_OUT_COLUMNS, rows)


def safe_cell(value: object) -> object:
    """Text that a spreadsheet would run gets an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


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


def _download(name: str, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(stream_with_context(_lines(columns, rows)), mimetype="text/csv", headers=headers)


def _lines(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield _line(columns)
    for row in rows:
        yield _line(safe_cell(row.get(column)) for column in columns)


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
