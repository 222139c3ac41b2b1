"""What comes in the path and the query of a request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.web.values import DayOrInstant, Identifier, Kind, ProblemStatus

LARGEST_PAGE = 500


class AccountPath(BaseModel):
    account_id: str


class CompanyPath(AccountPath):
    company_id: str


class InvoicePath(AccountPath):
    invoice_id: str


class CreditPath(AccountPath):
    credit_id: str


class RunPath(BaseModel):
    run_id: str


class ProblemPath(BaseModel):
    problem_id: str


class QueryModel(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


class Paging(QueryModel):
    cursor: Annotated[
        str | None, Field(description="`next_cursor` of the page before; any other text is refused: `invalid_cursor`")
    ] = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 100


class LinkFilter(Paging):
    kind: Kind | None = None
    erp_id: Identifier | None = None
    quickbooks_id: Identifier | None = None
    status: Identifier | None = None
    epoch: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


def _each_listed(given: Any) -> Any:
    """`open,conflict` says the same as two values."""
    return [one for text in given for one in text.split(",")] if isinstance(given, list) else given


class ProblemFilter(Paging):
    status: Annotated[
        list[ProblemStatus],
        Field(min_length=1, description="repeated, or separated by commas"),
        BeforeValidator(_each_listed),
    ] = ["open", "conflict"]
    code: Identifier | None = None


class AuditFilter(Paging):
    record: Annotated[Identifier | None, Field(description="a document's key, an id of either side, or a number")] = (
        None
    )
    run: Identifier | None = None


class AsOf(QueryModel):
    as_of: DayOrInstant | None = None
