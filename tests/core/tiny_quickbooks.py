"""A tiny QuickBooks in memory: takes the bodies that we write, keeps balances, refuses what is never right."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from builders import CUSTOMER, money

from mappings.documents import Ending, Key
from mappings.money import cents
from mappings.plan import TO_QUICKBOOKS, Action, Step
from mappings.quickbooks import TYPES, Entity, Refs, body, identity

PAID_OUT = {"Check", "Expense", "CreditCardCredit"}


class TinyQuickBooks:
    """`objects`: (entity, id) → the object; `deleted`: those that once were."""

    def __init__(self) -> None:
        self.objects: dict[Entity, dict[str, Any]] = {}
        self.deleted: set[Entity] = set()
        self.last = 100

    def write(self, step: Step, entities: Mapping[Key, Entity], agreed: Any) -> Entity:
        """Carry out one step and prove that the books are right after it."""
        assert step.action in TO_QUICKBOOKS
        entity = self._carry_out(step, entities, agreed)
        self.prove()
        return entity

    def _carry_out(self, step: Step, entities: Mapping[Key, Entity], agreed: Any) -> Entity:
        if step.action in (Action.VOID, Action.DELETE):
            entity = entities[step.key]
            self._end(entity, voided=step.action is Action.VOID)
            return entity
        document = step.document
        assert document is not None
        assert not isinstance(document, Ending)
        missing = [key for key in step.needs if key not in entities]
        assert not missing, f"{step.key} needs {missing}, which QuickBooks does not hold"
        refs = Refs({document.customer: CUSTOMER}, entities, "1", "84", "35")
        known = self.objects[entities[step.key]] if step.action is Action.UPDATE else None
        sent = body(document, refs, known, agreed)
        return self.post(TYPES[document.KIND.value], sent)

    def post(self, kind: str, sent: Mapping[str, Any]) -> Entity:
        known: dict[str, Any] = {}
        if "Id" in sent:
            known = self.objects[(kind, sent["Id"])]
            assert sent["SyncToken"] == known["SyncToken"]
            if sent.get("sparse"):
                sent = known | dict(sent)
        else:
            self.last += 1
        record = {k: v for k, v in sent.items() if k != "sparse"}
        token = str(int(known["SyncToken"]) + 1) if known else "0"
        record |= {"Id": known.get("Id", str(self.last)), "SyncToken": token, "domain": "QBO", "sparse": False}
        if kind != "Payment":
            record["TotalAmt"] = money(str(sum(_signed(line) for line in record["Line"])))
        self.objects[(kind, record["Id"])] = record
        self._balance()
        return kind, record["Id"]

    def _end(self, entity: Entity, *, voided: bool) -> None:
        known = self.objects[entity]
        assert identity(known)
        if voided:
            lines = [line | {"Amount": 0} for line in known["Line"] if "LinkedTxn" not in line]
            known |= {"TotalAmt": 0, "Line": lines, "PrivateNote": "Voided - " + known.get("PrivateNote", "")}
            known["SyncToken"] = str(int(known["SyncToken"]) + 1)
        else:
            del self.objects[entity]
            self.deleted.add(entity)
        self._balance()

    # ------------------------------------------------------------------------------------------- the books

    def links(self) -> list[tuple[str, Entity, int]]:
        """Every link: (payment, target, cents)."""
        return [
            (payment["Id"], (linked["TxnType"], linked["TxnId"]), cents(line["Amount"]))
            for (kind, _), payment in self.objects.items()
            if kind == "Payment"
            for line in payment["Line"]
            for linked in line["LinkedTxn"]
        ]

    def open_amount(self, entity: Entity) -> int:
        put = sum(amount for _, target, amount in self.links() if target == entity)
        return cents(self.objects[entity]["TotalAmt"]) - put

    def _balance(self) -> None:
        for entity, known in self.objects.items():
            if entity[0] in ("Invoice", "CreditMemo"):
                known["Balance"] = money(str(Decimal(self.open_amount(entity)) / 100))
            if entity[0] == "CreditMemo":
                known["RemainingCredit"] = known["Balance"]
            if entity[0] == "Payment":
                sums = {True: 0, False: 0}
                for payment, target, amount in self.links():
                    if payment == entity[1]:
                        sums[target[0] == "CreditMemo"] += amount
                left = cents(known["TotalAmt"]) + sums[True] - sums[False]
                known["UnappliedAmt"] = money(str(Decimal(left) / 100))

    def prove(self) -> None:
        """No invoice is overpaid, no memo used beyond its amount, no Payment puts more than it has, no link dangles."""
        for payment, (kind, target_id), amount in self.links():
            target = ("Purchase" if kind in PAID_OUT else kind, target_id)
            assert target in self.objects, f"Payment {payment} is linked to {target}, which is gone"
            assert amount > 0
        for entity, known in self.objects.items():
            if entity[0] in ("Invoice", "CreditMemo"):
                assert self.open_amount(entity) >= 0, f"{entity} is put to use beyond its amount"
                assert cents(known["TotalAmt"]) >= 0
            if entity[0] == "Payment":
                left, total = cents(known["UnappliedAmt"]), cents(known["TotalAmt"])
                assert 0 <= left <= total, f"{entity} of {total} leaves {left} unapplied"


def _signed(line: Mapping[str, Any]) -> Decimal:
    amount = Decimal(line["Amount"])
    assert amount >= 0, "QuickBooks refuses negative lines (2290)"
    return -amount if line["DetailType"] == "DiscountLineDetail" else amount
