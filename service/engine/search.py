"""One answer to whatever support pastes: a number of either side, an ERP id, a QuickBooks ID, a company's name.

Everything comes from the mirror, as it was last seen; nothing here calls either side.
"""

from __future__ import annotations

import re
from typing import Any

from mappings.distru.records import COMPANY
from service.engine.cards import Shelf, card, links_of, short, subject_of
from service.engine.working import Ports
from service.errors import Reason, Rejected
from service.ports import Connection, Hit, Transaction

View = dict[str, Any]
CARDS = 3
"""How many of the first hits are shown in full; the others are a list to choose from."""
MOST = 50

_SAID_BEFORE = re.compile(
    r"^(?:distru\s+)?(?:company|customer|invoice|payment|credit memo|credit|memo|refund|return|quickbooks id|id)"
    r"\s*[#:]?\s*(?=\S)",
    re.IGNORECASE,
)


class Search:
    """Looks through every connection, or one."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    def find(self, pasted: str, account_id: str | None = None) -> View:
        """`{query, hits, cards, more}`: every hit in short, the first ones as whole cards."""
        query = pasted.strip()
        with self.ports.store.reading() as tx:
            only = _known(tx, account_id).id if account_id is not None else None
            hits = _hits(tx, query, only) if query else []
            shelf = Shelf(tx, self.ports)
            subjects = [subject_of(shelf, hit) for hit in hits[:MOST]]
            cards = [card(shelf, subject) for subject in subjects[:CARDS]]
        return {
            "query": query,
            "hits": [short(subject) for subject in subjects],
            "cards": cards,
            "more": len(hits) > MOST,
        }

    def card(self, account_id: str, kind: str, which: str) -> View:
        """One thing: `kind` is an ERP kind (`INVOICE`) with an ERP id, or a QuickBooks type (`Invoice`) with its ID."""
        with self.ports.store.reading() as tx:
            connection = _known(tx, account_id)
            in_erp = kind.isupper()
            hit = (
                Hit(connection.id, "erp_id", kind=kind, erp_id=which)
                if in_erp
                else Hit(connection.id, "quickbooks_id", entity=kind, quickbooks_id=which)
            )
            shelf = Shelf(tx, self.ports)
            subject = subject_of(shelf, hit)
            if subject.record is None and subject.object is None and not links_of(tx, subject):
                raise Rejected(Reason.NOT_FOUND, "unknown_record", "Neither book has shown us anything with this id.")
            return card(shelf, subject)


def _known(tx: Transaction, account_id: str) -> Connection:
    connection = tx.connections.get(account_id)
    if connection is None:
        raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
    return connection


# ------------------------------------------------------------------------------------------------- finding


def names(query: str) -> list[str]:
    """What to look for: as pasted, without a leading `#` or "invoice", and as numbers and ids are usually spelled."""
    bare = _SAID_BEFORE.sub("", query).strip().lstrip("#").strip()
    forms = [query, bare, bare.upper(), bare.lower()]
    return list(dict.fromkeys(form for form in forms if form))


def _hits(tx: Transaction, query: str, connection_id: int | None) -> list[Hit]:
    """Exact ones first; then companies that have it in their name."""
    found = tx.finder.find(names(query), connection_id=connection_id, limit=MOST + 1)
    known = {(hit.connection_id, hit.erp_id) for hit in found if hit.kind == COMPANY}
    if len(query) >= 2:
        companies = tx.finder.companies(query, connection_id=connection_id, limit=MOST + 1)
        found += [hit for hit in companies if (hit.connection_id, hit.erp_id) not in known]
    return found
