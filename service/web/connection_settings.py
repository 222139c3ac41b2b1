"""A connection's settings, as they may be changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from service.web.values import AskedAmount, Customers, Day, Identifier, Kind, RequestModel, TimeZone

Paused = Literal[Kind, "ALL"]
LARGEST_RUN = 1_000_000


def _all_alone(paused: list[Paused]) -> list[Paused]:
    if "ALL" in paused and len(paused) > 1:
        raise ValueError('must be a list of kinds, or ["ALL"]')
    return paused


class SettingsChange(RequestModel):
    """Only what is named changes. Null takes a value away; the engine checks against QuickBooks' own lists."""

    timezone: TimeZone | None = None
    default_item_id: Identifier | None = None
    reason_items: dict[Identifier, Identifier] = Field(default={}, description="credit reason → QuickBooks item id")
    deposit_account_id: Identifier | None = None
    payment_methods: dict[Identifier, Identifier] = Field(default={}, description="the ERP's id → QuickBooks' id")
    customers: Customers = "linked_only"
    import_customers: bool = False
    cut_over_date: Day | None = None
    closed_books: Literal["hold", "next_open_day", "refuse"] = "hold"
    auto_applied: Literal["adopt", "repoint"] = "adopt"
    number_prefix: Annotated[str, Field(max_length=10, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = None
    on_number_clash: Literal["suffix", "quickbooks_numbers"] = "suffix"
    inventory_lines: bool = False
    max_documents_per_run: Annotated[int, Field(gt=0, le=LARGEST_RUN)] | None = None
    max_amount_per_run: AskedAmount | None = None
    paused: Annotated[list[Paused], AfterValidator(_all_alone)] = Field(default=[])

    def named(self) -> dict[str, Any]:
        """What the caller named, and nothing else."""
        return self.model_dump(mode="json", exclude_unset=True)
