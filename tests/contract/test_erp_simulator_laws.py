"""What holds in the simulator's books whatever people do, and whatever QuickBooks says."""

from __future__ import annotations

from typing import Any

from erp_simulator_bench import Office, application, open_office
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fixtures.simulators.erp import UserRefused

PICK = st.integers(min_value=0, max_value=20)
CENTS = st.integers(min_value=1, max_value=15_000)


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def cents(text: str) -> int:
    """The ERP trims trailing zeros: "99.5" is 9950."""
    whole, _, part = text.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 100 + sign * int((part + "00")[:2])


def live(credit: Any) -> bool:
    return not credit["canceled_datetime"] and not credit["deleted_at"]


class BusyOffice(RuleBasedStateMachine):
    """People of one wholesaler with two customers, doing anything at all; refusals are part of life."""

    def __init__(self) -> None:
        super().__init__()
        self.office = open_office()
        self.user = self.office.user
        self.shops = [self.user.create_company(name) for name in ("Blue Dream", "Sour Diesel")]
        self.orders: list[str] = []
        self.seen: dict[str, Any] = {}

    def some(self, kind: str, pick: int) -> str:
        """An id of that kind; one that does not exist where there is none."""
        records = self.office.account.all(kind)
        return records[pick % len(records)]["id"] if records else "none"

    def shop(self, pick: int) -> str:
        company_id: str = self.shops[pick % 2]["id"]
        return company_id

    def attempt(self, action: Any, *args: Any, **kwargs: Any) -> Any:
        """Do it; a refused act leaves no trace."""
        before = self.office.books()
        self.office.notices()
        try:
            return action(*args, **kwargs)
        except UserRefused:
            assert self.office.books() == before
            assert self.office.notices() == []

    @rule(pick=PICK, amount=CENTS, invoiced=st.booleans())
    def order(self, pick: int, amount: int, invoiced: bool) -> None:
        order = self.user.create_order(self.shop(pick), items=[{"quantity": 1, "unit_price": money(amount)}])
        self.orders.append(order["id"])
        if invoiced:
            self.user.invoice_order(order["id"])

    @rule(pick=PICK)
    def bill_an_order(self, pick: int) -> None:
        if self.orders:
            self.attempt(self.user.invoice_order, self.orders[pick % len(self.orders)])

    @rule(pick=PICK, what=st.sampled_from(["cancel_order", "uncancel_order", "delete_order"]))
    def end_or_revive_an_order(self, pick: int, what: str) -> None:
        if self.orders:
            self.attempt(getattr(self.user, what), self.orders[pick % len(self.orders)])

    @rule(pick=PICK, amount=CENTS)
    def edit_an_invoice(self, pick: int, amount: int) -> None:
        self.attempt(self.user.edit_invoice, self.some("invoice", pick), amount=money(amount))

    @rule(pick=PICK)
    def delete_an_invoice(self, pick: int) -> None:
        self.attempt(self.user.delete_invoice, self.some("invoice", pick))

    @rule(pick=PICK, amount=CENTS, credit=st.integers(min_value=0, max_value=8_000), deposit=st.booleans())
    def receive_a_payment(self, pick: int, amount: int, credit: int, deposit: bool) -> None:
        target = {"invoice_id": self.some("invoice", pick)}
        if deposit and self.orders:
            target = {"order_id": self.orders[pick % len(self.orders)]}
        credits = {"credits": "FIFO", "credit_amount": money(credit)} if credit else {}
        self.attempt(self.user.receive_payment, amount=money(amount + credit), **target, **credits)

    @rule(pick=PICK, other=PICK, amount=CENTS)
    def pay_with_a_chosen_credit(self, pick: int, other: int, amount: int) -> None:
        uses = [{"credit_id": self.some("credit", other), "amount": money(amount)}]
        self.attempt(self.user.receive_payment, self.some("invoice", pick), amount=money(amount), credits=uses)

    @rule(pick=PICK)
    def void_a_payment(self, pick: int) -> None:
        self.attempt(self.user.void_payment, self.some("payment", pick))

    @rule(pick=PICK, amount=CENTS)
    def give_a_credit(self, pick: int, amount: int) -> None:
        self.user.create_credit(self.shop(pick), money(amount))

    @rule(pick=PICK, amount=CENTS)
    def edit_a_credit(self, pick: int, amount: int) -> None:
        self.attempt(self.user.edit_credit, self.some("credit", pick), amount=money(amount))

    @rule(pick=PICK, revert=st.booleans())
    def cancel_a_credit(self, pick: int, revert: bool) -> None:
        self.attempt(self.user.cancel_credit, self.some("credit", pick), should_delete_credit_uses=revert)

    @rule(pick=PICK)
    def delete_a_credit(self, pick: int) -> None:
        self.attempt(self.user.delete_credit, self.some("credit", pick))

    @rule(pick=PICK, amount=CENTS)
    def take_goods_back(self, pick: int, amount: int) -> None:
        taken_back = self.user.create_return(self.shop(pick), items=[{"quantity": 1, "price": money(amount)}])
        self.user.complete_return(taken_back["id"])

    @rule(pick=PICK, amount=CENTS)
    def refund_a_credit(self, pick: int, amount: int) -> None:
        self.attempt(self.user.refund_credit, self.some("credit", pick), money(amount))

    @rule(pick=PICK)
    def void_a_refund(self, pick: int) -> None:
        self.attempt(self.user.void_refund, self.some("refund", pick))

    @invariant()
    def every_invoice_adds_up(self) -> None:
        """Total = paid + remaining; never paid beyond the total; paid by its posted payments."""
        for invoice in self.office.account.all("invoice"):
            total, paid = cents(invoice["total"]), cents(invoice["paid_amount"])
            assert total == paid + cents(invoice["remaining_amount"])
            assert 0 <= paid <= total
            assert paid == sum(cents(payment["amount"]) for payment in invoice["payments"])

    @invariant()
    def every_live_credit_adds_up(self) -> None:
        """Amount = uses + refunds + remaining, and none of them is negative."""
        for credit in filter(live, self.office.account.all("credit")):
            used = sum(cents(use["amount"]) for use in credit["credit_uses"])
            remaining = cents(credit["remaining_balance"])
            assert cents(credit["amount"]) == used + self.refunded(credit["id"]) + remaining
            assert remaining >= 0

    @invariant()
    def uses_are_the_same_from_both_sides(self) -> None:
        on_payments = {
            (payment["id"], use["credit"]["id"], use["amount"])
            for payment in self.office.account.all("payment")
            for use in payment["credit_uses"]
        }
        on_credits = {
            (use["payment"]["id"], credit["id"], use["amount"])
            for credit in self.office.account.all("credit")
            for use in credit["credit_uses"]
        }
        assert on_payments == on_credits

    @invariant()
    def no_credit_pays_the_invoice_that_produced_it(self) -> None:
        for credit in self.office.account.all("credit"):
            origin = credit["payment"] and credit["payment"]["invoice"]
            assert not origin or all(use["payment"]["invoice"] != origin for use in credit["credit_uses"])

    @invariant()
    def receivables_follow_from_what_happened(self) -> None:
        """Billed on live invoices, less money received, less credit given; what was refunded is owed again."""
        for shop in self.shops:
            books = {kind: self.office.account.all(kind, company_id=shop["id"]) for kind in ("invoice", "payment")}
            credits = self.office.account.all("credit", company_id=shop["id"])
            billed = sum(cents(one["total"]) for one in books["invoice"] if not one["voided_datetime"])
            cash = sum(
                cents(one["amount"]) - sum(cents(use["amount"]) for use in one["credit_uses"])
                for one in books["payment"]
                if one["status"] == "POSTED"
            )
            assert self.office.owes(shop) == billed - cash - sum(self.given(credit) for credit in credits)

    @invariant()
    def what_changed_has_a_newer_stamp(self) -> None:
        """And what has not changed keeps its stamp; nested records and customers' balances are not a change."""
        nested = {"payments", "credit_uses", "updated_datetime", "order", "payment", "credits"}
        for kind in ("invoice", "payment", "credit", "return", "refund"):
            for record in self.office.account.all(kind):
                earlier = self.seen.get(record["id"], record)
                same = all(record[name] == earlier[name] for name in set(record) - nested)
                assert same or record["updated_datetime"] > earlier["updated_datetime"]
                self.seen[record["id"]] = record

    def refunded(self, credit_id: str) -> int:
        refunds = self.office.account.all("refund")
        return sum(
            cents(one["amount"]) for one in refunds if one["credit"]["id"] == credit_id and not one["voided_datetime"]
        )

    def given(self, credit: Any) -> int:
        """What a credit takes off the debt: a cancelled one what it still pays."""
        if live(credit):
            return cents(credit["amount"]) - self.refunded(credit["id"])
        return sum(cents(use["amount"]) for use in credit["credit_uses"])


BusyOffice.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
test_the_books_hold_whatever_people_do = BusyOffice.TestCase


# -- what QuickBooks says ---------------------------------------------------------------------------------------------

STATE = st.fixed_dictionaries(
    {
        "first": st.integers(min_value=0, max_value=10_000),
        "second": st.integers(min_value=0, max_value=5_000),
        "memo": st.integers(min_value=0, max_value=3_000),
        "unapplied": st.integers(min_value=0, max_value=4_000),
        "outside": st.integers(min_value=0, max_value=4_000),
        "refunded": st.integers(min_value=0, max_value=4_000),
    }
)


def declare(office: Office, shop: Any, invoices: list[Any], memo: Any, state: dict[str, int]) -> Any:
    """One QBO payment over two invoices; a credit memo pays a part of the second line."""
    used = min(state["memo"], state["second"])
    uses = {memo["id"]: money(used)} if used else {}
    lines = [application(invoices[0], money(state["first"]))] if state["first"] else []
    lines += [application(invoices[1], money(state["second"]), None, **uses)] if state["second"] else []
    total = sum(state.values()) - state["memo"] - used
    rest = {f"{name}_amount": money(state[name]) for name in ("unapplied", "outside", "refunded")}
    return office.declare_payment("900", company_id=shop["id"], total_amount=money(total), applications=lines, **rest)


@settings(max_examples=60, deadline=None)
@given(states=st.lists(STATE, min_size=1, max_size=5))
def test_the_books_agree_with_the_last_thing_quickbooks_said(states: list[dict[str, int]]) -> None:
    """Whatever was declared before; and saying it again changes nothing."""
    office = open_office()
    shop = office.user.create_company("Blue Dream")
    invoices = [office.user.create_invoice(shop["id"], amount=amount) for amount in ("100.00", "50.00")]
    memo = office.user.create_credit(shop["id"], "30.00")

    for state in states:
        answer = declare(office, shop, invoices, memo, state)
        assert answer.status_code == 200, answer.text

        used = min(state["memo"], state["second"])
        paid = [cents(office.fresh("invoice", invoice)["paid_amount"]) for invoice in invoices]
        held = [cents(credit["remaining_balance"]) for credit in answer.json()["credits"]]
        assert paid == [state["first"], state["second"]]
        assert sum(held) == state["unapplied"]
        assert cents(office.fresh("credit", memo)["remaining_balance"]) == 3_000 - used
        owed = 15_000 - state["first"] - state["second"] - state["unapplied"] - (3_000 - used)
        assert office.owes(shop) == owed

        before = office.books()
        office.notices()
        assert declare(office, shop, invoices, memo, state).json() == answer.json()
        assert office.books() == before
        assert office.notices() == []

    office.declare_payment("900", status="VOIDED", sync_token=None)
    assert office.owes(shop) == 15_000 - 3_000


@settings(max_examples=40, deadline=None)
@given(
    bills=st.lists(CENTS, min_size=1, max_size=4),
    payments=st.lists(st.tuples(PICK, CENTS, st.integers(min_value=0, max_value=6_000)), max_size=6),
)
def test_declaring_what_the_erp_already_has_changes_nothing(
    bills: list[int], payments: list[tuple[int, int, int]]
) -> None:
    """Each ERP payment as QBO shows it: cash and memo lines on one document, uses of overpayments on others."""
    office = open_office()
    shop = office.user.create_company("Blue Dream")
    office.user.create_credit(shop["id"], "45.00")
    invoices = [office.user.create_invoice(shop["id"], amount=money(amount)) for amount in bills]
    for pick, cash, credit in payments:
        invoice = invoices[pick % len(invoices)]
        body: dict[str, Any] = {"credits": "FIFO", "credit_amount": money(credit)} if credit else {}
        try:
            office.user.receive_payment(invoice["id"], amount=money(cash + credit), **body)
        except UserRefused:
            continue
    before = office.books()
    office.notices()

    for payment in office.account.all("payment"):
        answer = office.declare_payment(payment["payment_number"], **as_quickbooks_shows(office, shop, payment))
        assert answer.status_code == 200, answer.text

    after = office.books()
    for credit in after["credit"]:
        credit["qb_payment_id"] = None
    assert after == before
    assert office.notices() == []


def as_quickbooks_shows(office: Office, shop: Any, payment: Any) -> dict[str, Any]:
    """The whole QBO payment: its own line, and a line for each use of what it leaves unapplied."""
    own = {made["id"] for made in payment["overpayment_credits"]}
    credits = [credit for credit in office.account.all("credit") if credit["id"] in own]
    lines = [_line(payment, [use for use in payment["credit_uses"] if use["credit"]["source"] == "USER"])]
    for credit in credits:
        lines += [_own_line(use, credit) for use in credit["credit_uses"]]
    memos = sum(cents(use["amount"]) for use in payment["credit_uses"])
    overpaid = sum(cents(credit["amount"]) for credit in credits)
    return {
        "company_id": shop["id"],
        "total_amount": money(cents(payment["amount"]) - memos + overpaid),
        "unapplied_amount": money(sum(cents(credit["remaining_balance"]) for credit in credits)),
        "applications": [line for line in lines if line["amount"] != "0.00" or line["payment_id"] == payment["id"]],
    }


def _line(payment: Any, memo_uses: list[Any]) -> dict[str, Any]:
    """The payment's own share: without the uses of other payments' overpayments."""
    foreign = sum(cents(use["amount"]) for use in payment["credit_uses"] if use not in memo_uses)
    uses = {use["credit"]["id"]: money(cents(use["amount"])) for use in memo_uses}
    return application(payment["invoice"], money(cents(payment["amount"]) - foreign), payment, **uses)


def _own_line(use: Any, credit: Any) -> dict[str, Any]:
    amount = money(cents(use["amount"]))
    return application(use["payment"]["invoice"], amount, use["payment"], **{credit["id"]: amount})
