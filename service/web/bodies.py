"""What comes in the body of a request."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, cast

from pydantic import ConfigDict, Field, model_validator

from service.web.connection_settings import SettingsChange
from service.web.values import AskedInstant, Credential, Identifier, Kind, RequestModel, Text


def _example(*, needed: bool = True, **fields: Any) -> ConfigDict:
    """The body as the description shows it. The key is flask-openapi3's own; it drops a schema's `examples`."""
    return cast(ConfigDict, {"openapi_extra": {"example": fields, "required": needed}})


class NewConnection(RequestModel):
    model_config = _example(account_id="acct-1", name="Green Leaf", erp_api_key="the account's key to the ERP")

    account_id: Identifier
    name: Text
    erp_api_key: Credential


class ConnectionChange(RequestModel):
    """Only what is named changes."""

    model_config = _example(settings={"closed_books": "next_open_day", "max_amount_per_run": "25000.00"})

    name: Text | None = None
    settings: SettingsChange | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.name is None and self.settings is None:
            raise ValueError("name what is to change: name, settings or both")
        return self


class MayBeAbsent(RequestModel):
    """A request without a body asks the same as `{}`."""

    @model_validator(mode="before")
    @classmethod
    def _absent_is_empty(cls, given: Any) -> Any:
        return {} if given is None else given


class PreviewAsked(MayBeAbsent):
    model_config = _example(needed=False, used_credits="revert")

    used_credits: Literal["revert", "carry_over"] = "revert"


class PlanChosen(RequestModel):
    model_config = _example(plan_id="3f0c2b…")

    plan_id: Identifier


class ReconcileAsked(MayBeAbsent):
    model_config = _example(needed=False, company_id="8f14…", dry_run=True)

    company_id: Identifier | None = None
    dry_run: bool = False


class DisconnectAsked(RequestModel):
    model_config = _example(mode="soft", confirm="Green Leaf")

    mode: Literal["soft", "hard"]
    confirm: Annotated[Text, Field(description="the connection's name")]


class ResyncAsked(MayBeAbsent):
    model_config = _example(
        needed=False, kinds=["INVOICE", "PAYMENT"], updated_after="2026-01-01T00:00:00Z", dry_run=True
    )

    kinds: Annotated[list[Kind], Field(min_length=1)] | None = None
    company_ids: Annotated[list[Identifier], Field(min_length=1, max_length=10_000)] | None = None
    updated_after: AskedInstant | None = None
    customers: Literal["match_by_name", "linked_only"] | None = None
    dry_run: bool = False


class RestoreAsked(RequestModel):
    model_config = _example(epoch=1)

    epoch: Annotated[int, Field(ge=0, le=2**31 - 1)]


class DismissAsked(RequestModel):
    model_config = _example(reason="Written off by hand in QuickBooks")

    reason: Text


class ResolveAsked(RequestModel):
    model_config = _example(choice="quickbooks")

    choice: Annotated[Identifier, Field(description="one of the problem's `choices`")]


class RefreshAsked(RequestModel):
    """Whose payments and credits are about to be used: one company, or the company of one invoice."""

    model_config = _example(company_id="8f14…")

    company_id: Identifier | None = None
    invoice_id: Identifier | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.company_id is None) == (self.invoice_id is None):
            raise ValueError("name either company_id or invoice_id")
        return self
