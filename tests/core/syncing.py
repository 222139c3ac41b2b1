"""The loop over values: project, read, plan, do it in memory, remember. What the engine does, without its shell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from builders import SHOP, Record, money
from tiny_quickbooks import TinyQuickBooks

from mappings.distru.projection import Projection, Terms, project
from mappings.distru.records import Books, read_books
from mappings.documents import Ending, Key, Side
from mappings.money import cents
from mappings.plan import Action, CompanyPlan, Step
from mappings.planner import Agreed, Situation, importable, plan
from mappings.quickbooks import Entity, Held, is_voided, read_object, read_objects


class Loop:
    """One company's map beside a tiny QuickBooks. `rows`: what the ID map would keep."""

    def __init__(self, *, two_way: bool = True) -> None:
        self.qbo = TinyQuickBooks()
        self.two_way = two_way
        self.agreed: dict[Key, Agreed] = {}
        self.entities: dict[Key, Entity] = {}
        self.records: dict[Key, tuple[tuple[str, str], ...]] = {}

    def terms(self) -> Terms:
        foreign = {}
        for key, agreed in self.agreed.items():
            outside, refunded = (getattr(agreed.quickbooks, name, 0) for name in ("outside", "refunded"))
            if outside or refunded:
                foreign[key] = (outside, refunded)
        return Terms(
            two_way=self.two_way,
            owners={ref: key for key, refs in self.records.items() for ref in refs},
            linked={key: entity[0] for key, entity in self.entities.items()},
            foreign=foreign,
        )

    def project(self, records: Sequence[Record]) -> Projection:
        return project(read_books(records), self.terms())

    def books(self, records: Sequence[Record]) -> Books:
        return read_books(records)

    def known(self) -> dict[Entity, Key]:
        return {entity: key for key, entity in self.entities.items()}

    def held(self, *, backwards: bool = False) -> Held:
        objects = [(kind, raw, False) for (kind, _), raw in self.qbo.objects.items()]
        objects += [(kind, {"Id": object_id}, True) for kind, object_id in sorted(self.qbo.deleted)]
        return read_objects(objects[::-1] if backwards else objects, self.known(), SHOP)

    def plan(self, records: Sequence[Record], *, backwards: bool = False) -> CompanyPlan:
        projection = self.project(records)
        held = self.held(backwards=backwards)
        agreed = dict(reversed(self.agreed.items())) if backwards else self.agreed
        born = importable(held, agreed, None) if self.two_way else frozenset()
        wanted = frozenset(projection.documents)
        return plan(Situation(SHOP, projection, held, agreed, wanted, born, self.two_way))

    def sync(self, records: Sequence[Record]) -> CompanyPlan:
        """Do one plan as it stands."""
        planned = self.plan(records)
        projection = self.project(records)
        for step in planned.steps:
            self._do(step)
        for key in {step.key for step in planned.steps}:
            self.records[key] = projection.records.get(key, self.records.get(key, ()))
        return planned

    def _do(self, step: Step) -> None:
        before = self.agreed.get(step.key, Agreed())
        if step.action is Action.REMEMBER:
            self.agreed[step.key] = Agreed(step.erp, step.document, linked=step.key in self.entities)
            return
        entity = self.qbo.write(step, self.entities, before.erp)
        self.entities[step.key] = entity
        echo = self.echo(step.key)
        erp = before.erp if step.partial else step.erp if step.erp is not None else step.document
        self.agreed[step.key] = Agreed(erp, echo, linked=True)

    def relinked(self, which: int, where: int, amount: int) -> Key | None:
        """A person puts up to `amount` of a payment on one of our invoices, instead of what it has there now."""
        payments = sorted(k for k, (kind, _) in self.entities.items() if kind == "Payment" and self._stands(k))
        invoices = sorted(k for k, (kind, _) in self.entities.items() if kind == "Invoice" and self._stands(k))
        if not payments or not invoices:
            return None
        key, target = payments[which % len(payments)], self.entities[invoices[where % len(invoices)]]
        raw = self.qbo.objects[self.entities[key]]
        there = [line for line in raw["Line"] if line["LinkedTxn"][0]["TxnId"] == target[1]]
        now = sum(cents(line["Amount"]) for line in there)
        most = now + min(self.qbo.open_amount(target), cents(raw["UnappliedAmt"]))
        least = max(0, _linked(raw, "CreditMemo") - _linked(raw, "Invoice") + now)
        value = max(least, min(amount, most))
        lines = [line for line in raw["Line"] if line not in there]
        if value:
            linked = {"TxnType": "Invoice", "TxnId": target[1]}
            lines.append({"Amount": money(str(Decimal(value) / 100)), "LinkedTxn": [linked]})
        self.qbo.post("Payment", raw | {"Line": lines})
        self.qbo.prove()
        return key

    def _stands(self, key: Key) -> bool:
        """Is there for a person to change: not over, and no tie of a refund, which is the ERP's alone."""
        raw = self.qbo.objects.get(self.entities[key])
        return raw is not None and not is_voided(raw) and not key.startswith("settlement:")

    def agree(self, projection: Projection, held: Mapping[Key, Side]) -> None:
        """Both sides are in step as they are now."""
        for key, side in projection.documents.items():
            if key in self.entities:
                self.agreed[key] = Agreed(side, held.get(key), linked=True)

    def echo(self, key: Key) -> Side:
        kind, object_id = self.entities[key]
        if (kind, object_id) in self.qbo.deleted:
            return Ending.DELETED
        return read_object(kind, self.qbo.objects[(kind, object_id)], key, self.known(), SHOP)


def _linked(raw: Mapping[str, Any], kind: str) -> int:
    return sum(cents(line["Amount"]) for line in raw["Line"] if line["LinkedTxn"][0]["TxnType"] == kind)
