"""The books themselves: tie-out, open items, guards, a fresh look."""

from __future__ import annotations

from contextlib import suppress

from mappings.money import text
from mappings.quickbooks import amount_of
from mappings.tieout import tie_out
from service.engine import enabling, guards, open_items, views
from service.engine.compare import compare
from service.engine.customers import waiting_customers
from service.engine.desk.asking import Asking, View, busy, no_claim, unknown_company
from service.engine.lists import load_lists
from service.engine.reading import keep_records, read_quickbooks
from service.engine.refreshing import TooSlow, in_time
from service.engine.sync import Look, TooLarge, bring_into_step, read_both
from service.engine.unlinked import unlinked
from service.engine.working import Working, as_record
from service.errors import Reason, Rejected, SyncError
from service.ports import Transaction


class Books(Asking):
    """What both books hold of a company."""

    def tie_out(self, account_id: str, *, as_of: str | None) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            w = Working(self.ports, connection, no_claim(connection))
            rows = [tied(tx, w, company, as_of) for company in enabling.linked_companies(tx, w)]
            rows += unlinked(tx, w, as_of)
            waiting = [views.waiting(one) for one in waiting_customers(tx, w)]
        sums = {name: sum(figures[name] for _, figures in rows) for name in ("erp", "quickbooks")}
        return {
            "as_of": as_of or views.moment(self.ports.clock()),
            "erp_total": text(sums["erp"]),
            "quickbooks_total": text(sums["quickbooks"]),
            "difference": text(sums["erp"] - sums["quickbooks"]),
            "companies": [view for view, _ in rows],
            "waiting": waiting,
        }

    def refresh(self, account_id: str, *, company_id: str | None, invoice_id: str | None, actor: str) -> View:
        """Fresh within `refresh_s`, or `busy`; a pull that takes longer goes on, and the next one finds it done."""
        with self.ports.store.reading() as tx:
            self._known(tx, account_id)
        try:
            return in_time(lambda: self._pull(account_id, company_id, invoice_id), self.refresh_s)
        except (TooSlow, SyncError) as error:
            raise busy() from error
        except Rejected as rejected:
            raise (busy() if rejected.reason is Reason.BUSY else rejected) from rejected

    def _pull(self, account_id: str, company_id: str | None, invoice_id: str | None) -> View:
        with self._working(account_id, patience_s=self.refresh_s) as w:
            company = company_id or self._company_of_invoice(w, invoice_id or "")
            with w.reading() as tx:
                if tx.records.get(w.id, "COMPANY", company) is None:
                    raise unknown_company()
            read_both(w, Look(everything=False))
            read_quickbooks(w)
            as_of = w.now()
            with suppress(TooLarge):  # held by the brakes: what is pulled is fresh all the same
                bring_into_step(w, Look(everything=False, companies=frozenset({company})))
        return {"fresh": True, "as_of": views.moment(as_of)}

    def _company_of_invoice(self, w: Working, invoice_id: str) -> str:
        """The ERP may ask for an invoice that it made a moment ago, before its notice was worked."""
        with w.reading() as tx:
            record = tx.records.get(w.id, "INVOICE", invoice_id)
        if record is None:
            found = [
                as_record("INVOICE", raw, w.connection.connected_at) for raw in w.erp.by_ids("invoice", [invoice_id])
            ]
            with w.writing() as tx:
                keep_records(tx, w, found)
            record = next(iter(found), None)
        if record is None or record.company_id is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_invoice", "The ERP has not told of an invoice with this id.")
        return record.company_id

    def open_items(self, account_id: str, company_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            if tx.records.get(w.id, "COMPANY", company_id) is None:
                raise unknown_company()
            return open_items.of_company(tx, w, company_id)

    def invoice_guards(self, account_id: str, invoice_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            return guards.of_invoice(tx, w, invoice_id)

    def credit_guards(self, account_id: str, credit_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            return guards.of_credit(tx, w, credit_id)


def tied(tx: Transaction, w: Working, company: str, as_of: str | None) -> tuple[View, dict[str, int]]:
    """One company's row of the tie-out, and the receivables of `erp` and `quickbooks` in cents. `as_of`: a day."""
    lists = load_lists(tx, w)
    c = compare(tx, w, company, lists)
    others = [(o.entity, o.body) for o in c.objects.values() if not o.deleted]
    figures = tie_out(
        c.books, c.projection.documents, c.held, others, lists.receivable_accounts, as_of[:10] if as_of else None
    )
    customer = tx.objects.get(w.id, w.epoch, "Customer", c.customer or "")
    balance = amount_of(customer.body, "Balance") if customer else None
    causes = {p.key: p.cause for p in tx.problems.open_of_company(w.id, company) if p.key}
    name = c.books.company.name if c.books.company else company
    view = views.tie_out_company(c, figures, name, balance, causes)
    return view, {"erp": figures.erp_receivable, "quickbooks": figures.quickbooks_receivable}
