"""The QuickBooks ID and the sync status that the ERP shows beside each record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.engine import problems
from service.engine.working import Working
from service.errors import Refused
from service.ports import Link, Raw

WORDS = {
    "Customer": "CUSTOMER",
    "Invoice": "INVOICE",
    "Payment": "PAYMENT",
    "CreditMemo": "CREDIT_MEMO",
    "Purchase": "PURCHASE",
}
"""QuickBooks types as both contracts spell them."""
MOST = 500
"""Links in one call of the ERP's."""


def push_links(w: Working) -> None:
    """Show the ERP, beside each record, its QuickBooks ID and how its sync stands."""
    more = True
    while more:
        with w.reading() as tx:
            links = tx.id_map.unpushed(w.id, w.epoch, MOST)
        more = len(links) == MOST
        if links:
            _put_links(w, links)
            with w.writing() as tx:
                tx.id_map.pushed(w.id, w.epoch, links)


def clear_links(w: Working, links: Sequence[Link]) -> None:
    """Show the ERP no QuickBooks ID beside these records any more."""
    _put_links(
        w, [replace(n, quickbooks_type=None, quickbooks_id=None, status="NOT_SYNCED", message=None) for n in links]
    )


def _put_links(w: Working, links: Sequence[Link]) -> None:
    """One link that the ERP refuses must not hold back the others."""
    try:
        w.erp.put_links([_body(link) for link in links])
    except Refused as error:
        if len(links) > 1:
            half = len(links) // 2
            _put_links(w, links[:half])
            _put_links(w, links[half:])
            return
        with w.writing() as tx:
            problems.report(tx, w, problems.of_link(w, links[0], error))


def _body(link: Link) -> Raw:
    return {
        "kind": link.kind,
        "id": link.erp_id,
        "quickbooks_type": WORDS.get(link.quickbooks_type or ""),
        "quickbooks_id": link.quickbooks_id,
        "sync_status": link.status,
        "message": link.message,
    }
