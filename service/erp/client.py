"""One account's books in the ERP behind the engine's port (ERP contract, parts 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from service.erp.transport import Transport
from service.errors import Gone, Refused
from service.ports import Raw

IDS_PER_CALL = 80
"""The contract allows 200; many servers take no address of more than 4,000 characters."""
LINKS_PER_CALL = 500

_PUBLIC = "/public/v1"
_PRIVATE = "/integrations/quickbooks/v1"
_COLLECTIONS = {
    "company": "companies",
    "invoice": "invoices",
    "payment": "payments",
    "credit": "credits",
    "return": "returns",
    "refund": "refunds",
}
_SOFT_DELETED = {"company", "credit"}
"""What has a `deleted_at`, and is left out of lists unless asked for."""


class ErpClient:
    """The engine's `Erp`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def calls(self) -> int:
        return self._transport.calls

    def changed(self, kind: str, since: datetime | None) -> Iterator[Raw]:
        query = [] if since is None else [("updated_datetime", f"{_instant(since)},")]
        return self._records(kind, query)

    def by_ids(self, kind: str, ids: Iterable[str]) -> list[Raw]:
        wanted = list(dict.fromkeys(ids))
        chunks = (wanted[start : start + IDS_PER_CALL] for start in range(0, len(wanted), IDS_PER_CALL))
        return [record for chunk in chunks for record in self._records(kind, [("ids[]", one) for one in chunk])]

    def void_payment(self, payment_id: str) -> Raw:
        return _record(self._transport.post(f"{_PUBLIC}/payments/{_part(payment_id)}/void", {}))

    def cancel_credit(self, credit_id: str, *, delete_uses: bool) -> Raw:
        body = {"should_delete_credit_uses": delete_uses}
        return _record(self._transport.post(f"{_PUBLIC}/credits/{_part(credit_id)}/cancel", body))

    def declare_credit_memo(self, quickbooks_id: str, body: Raw) -> Raw:
        return _record(self._transport.put(f"{_PRIVATE}/credit-memos/{_part(quickbooks_id)}", body))

    def declare_payment(self, quickbooks_id: str, body: Raw) -> Raw:
        return _record(self._transport.put(f"{_PRIVATE}/payments/{_part(quickbooks_id)}", body))

    def put_links(self, links: Sequence[Raw]) -> list[str]:
        unknown: list[str] = []
        for start in range(0, len(links), LINKS_PER_CALL):
            chunk = links[start : start + LINKS_PER_CALL]
            unknown += _record(self._transport.put(f"{_PRIVATE}/links", {"links": list(chunk)})).get("unknown", [])
        return unknown

    def create_company(self, body: Raw) -> Raw:
        """Answers the company that was made."""
        answer = _record(self._transport.post(f"{_PRIVATE}/companies", body))
        made: Raw = answer.get("company", answer)
        return made

    def _records(self, kind: str, query: list[tuple[str, str]]) -> Iterator[Raw]:
        """Raises: `Refused`, where the ERP has no such list, or one without end."""
        if kind in _SOFT_DELETED:
            query = [*query, ("deleted", "include")]
        try:
            yield from self._pages(f"{_PUBLIC}/{_COLLECTIONS[kind]}", query)
        except Gone as gone:
            raise Refused(
                f"the ERP has no list of {_COLLECTIONS[kind]} at ERP_API_URL: {gone.message}", code="erp_list_missing"
            ) from None

    def _pages(self, path: str, query: list[tuple[str, str]]) -> Iterator[Raw]:
        page = self._transport.get(path, query)
        visited: set[str] = set()
        while True:
            yield from page.get("data", [])
            following = page.get("next_page")
            if following is None:
                return
            if following in visited:
                raise Refused("the ERP's pages lead in a circle", code="erp_page_loop")
            visited.add(following)
            page = self._transport.follow(following)


def _record(answer: Any) -> Raw:
    """One record is wrapped in `data`; the answers to declarations are shown without."""
    inner = answer.get("data")
    record: Raw = inner if isinstance(inner, dict) else answer
    return record


def _instant(moment: datetime) -> str:
    """UTC with microseconds, as the ERP writes its own."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _part(identifier: str) -> str:
    return quote(identifier, safe="")
