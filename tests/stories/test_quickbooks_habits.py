"""QuickBooks' own habits: automatic application, merges, inactive and foreign customers, numbers, taxes, closed
books."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.stories.world import World, amounts


def two_invoices_and_a_credit(world: World) -> tuple[str, str, str, str]:
    """The user applies a credit to the younger invoice, QuickBooks applies it to the older one by itself."""
    company, _ = world.linked_company()
    old = world.user.create_invoice(company_id=company, amount="100.00", date="2026-02-01T12:00:00Z")
    young = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.company.switches.auto_apply_credit = "on_credit"
    credit = world.user.create_credit(company_id=company, amount="60.00")
    world.user.receive_payment(
        invoice_id=young["id"], amount="60.00", credits=[{"credit_id": credit["id"], "amount": "60.00"}], method=None
    )
    world.settle()
    world.wait(minutes=10)
    return company, old["id"], young["id"], credit["id"]


def test_what_quickbooks_applied_by_itself_is_adopted(world: World) -> None:
    _, old, young, credit = two_invoices_and_a_credit(world)

    assert world.account.get("invoice", old)["remaining_amount"] == "40.00"
    assert world.account.get("invoice", young)["remaining_amount"] == "100.00"
    assert world.account.get("credit", credit)["remaining_balance"] == "0.00"
    assert world.problems() == []
    world.check()


def test_what_quickbooks_applied_by_itself_is_re_pointed_where_a_connection_says_so(world: World) -> None:
    world.desk.patch("acc-1", settings={"auto_applied": "repoint"}, actor=world.actor)
    _, old, young, _ = two_invoices_and_a_credit(world)

    assert world.account.get("invoice", old)["remaining_amount"] == "100.00"
    assert world.account.get("invoice", young)["remaining_amount"] == "40.00"
    assert world.problems() == []
    world.check()


def test_a_refund_whose_credit_quickbooks_applied_by_itself_asks_a_person(world: World) -> None:
    """Found by an audit of the histories: it was given up in the ERP, which has no such call, and each look wrote a
    line into the audit of what nobody had done."""
    company, _ = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00", date="2026-02-01T12:00:00Z")
    world.settle()
    world.company.switches.auto_apply_credit = "on_credit"
    credit = world.user.create_credit(company_id=company, amount="60.00")
    world.user.refund_credit(credit["id"], "60.00")
    world.settle()
    world.wait(minutes=10)
    world.reconcile()

    [problem] = [p for p in world.problems() if p["kind"] == "REFUND"]
    assert (problem["code"], problem["status"]) == ("credit_applied_elsewhere", "conflict")
    assert "void the refund" in problem["what_to_do"]
    rows = world.desk.audit("acc-1", record=None, run=None, cursor=None, limit=500)["data"]
    assert [row for row in rows if row["action"] == "void_in_erp"] == []


def test_an_automatic_application_of_the_same_pair_is_ours(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.company.switches.auto_apply_credit = "on_credit"
    credit = world.user.create_credit(company_id=company, amount="60.00")
    payment = world.user.receive_payment(
        invoice_id=invoice["id"], amount="60.00", credits=[{"credit_id": credit["id"], "amount": "60.00"}], method=None
    )
    world.settle()
    world.wait(minutes=10)

    assert len(world.all("Payment")) == 1
    assert world.account.links("payment")[payment["id"]]["quickbooks_id"] == world.one("Payment")["Id"]
    world.check()


def test_a_merged_customers_books_follow_to_the_one_that_remains(world: World) -> None:
    company, customer = world.linked_company()
    winner = world.person.create_customer("Sunset Holdings")["Id"]
    world.user.create_invoice(company_id=company, amount="100.00")
    world.user.create_credit(company_id=company, amount="30.00")
    world.settle()

    world.person.merge_customers(customer, winner)
    world.settle()
    world.user.create_invoice(company_id=company, amount="7.00")
    world.settle()

    assert world.account.get("company", company)["qb_customer_id"] == winner
    assert {i["CustomerRef"]["value"] for i in world.all("Invoice")} == {winner}
    assert {c["status"] for c in world.account.all("credit")} == {"ACTIVE"}
    assert world.problems() == []
    world.check()


def test_a_merge_of_customers_with_old_documents_ends_nothing(world: World) -> None:
    """Found by an audit: what CDC did not tell again stood, for us, under the customer that was gone. Linked to the one
    that remains, the company's credit was cancelled in the ERP, and its invoice could be made a second time."""
    company, customer = world.linked_company()
    winner = world.person.create_customer("Sunset Holdings")["Id"]
    world.user.create_invoice(company_id=company, amount="100.00")
    world.user.create_credit(company_id=company, amount="30.00")
    world.settle()
    world.person.journal_entry(customer, "7.00")
    world.wait(hours=10)

    world.person.merge_customers(customer, winner)
    world.settle()
    world.wait(hours=1)

    assert world.account.get("company", company)["qb_customer_id"] == winner
    assert {c["status"] for c in world.account.all("credit")} == {"ACTIVE"}
    assert world.problems() == []
    [figures] = [row for row in world.tie_out()["companies"] if row["company_id"] == company]
    assert (figures["erp_ar"], figures["quickbooks_ar"]) == ("70.00", "63.00")
    world.check(unexplained=True)


def test_two_companies_on_one_customer_raise_an_alarm_and_nothing_is_lost(world: World) -> None:
    first, customer = world.linked_company()
    _, winner = world.linked_company("Moonrise")
    world.user.create_credit(company_id=first, amount="30.00")
    world.settle()

    world.person.merge_customers(customer, winner)
    world.settle()

    assert "customer_shared" in {p["code"] for p in world.problems()}
    assert {c["status"] for c in world.account.all("credit")} == {"ACTIVE"}
    assert len(world.all("CreditMemo")) == 1


def test_an_inactive_customer_holds_its_writes_with_one_message(world: World) -> None:
    company, customer = world.linked_company()
    world.settle()
    world.person.deactivate(customer)
    for _ in range(3):
        world.user.create_invoice(company_id=company, amount="10.00")
    world.settle()
    world.reconcile()

    assert [p["code"] for p in world.problems()] == ["customer_inactive"]
    assert world.all("Invoice") == []

    world.person.reactivate(customer)
    world.settle()
    world.reconcile()

    assert len(world.all("Invoice")) == 3
    world.check()


def test_a_customer_in_another_currency_is_refused_with_both_named(world: World) -> None:
    world.company.preferences.multi_currency = True
    customer = world.person.create_customer("Toronto Leaf", currency="CAD")["Id"]
    company = world.user.create_company(name="Toronto Leaf", qb_customer_id=customer)["id"]
    world.user.create_credit(company_id=company, amount="10.00")
    world.settle()

    [problem] = world.problems()
    assert problem["code"] == "currency_differs"
    assert "USD" in problem["cause"]
    assert "CAD" in problem["cause"]
    assert world.all("CreditMemo") == []


def test_automatic_sales_tax_never_changes_a_credit(world: World) -> None:
    world.company.preferences.automatic_sales_tax_percent = Decimal("8.25")
    company, _ = world.linked_company()
    world.user.create_credit(company_id=company, amount="100.00")
    world.settle()

    assert world.one("CreditMemo")["TotalAmt"] == Decimal("100.00")
    world.check()


@pytest.mark.parametrize(("policy", "number"), [("suffix", "1001~2"), ("quickbooks_numbers", None)])
def test_a_number_that_another_document_has_is_dealt_with_by_policy(
    world: World, policy: str, number: str | None
) -> None:
    company, customer = world.linked_company()
    world.person.create_invoice(customer, "3.00", number="1001")
    world.company.preferences.custom_txn_numbers = policy == "suffix"
    world.company.switches.duplicate_number = "6140"
    world.desk.patch("acc-1", settings={"on_number_clash": policy}, actor=world.actor)
    world.settle()

    world.user.create_invoice(company_id=company, amount="10.00", number="1001")
    world.settle()

    ours = next(i for i in world.all("Invoice") if i["TotalAmt"] == Decimal("10.00"))
    assert ours["DocNumber"] != "1001"
    assert number in (None, ours["DocNumber"])
    assert world.problems() == []
    world.check(unexplained=True)


def test_a_document_in_closed_books_moves_to_the_first_open_day_where_allowed(world: World) -> None:
    company, _ = world.linked_company()
    world.person.close_books("2026-03-31")
    world.desk.patch("acc-1", settings={"closed_books": "next_open_day"}, actor=world.actor)
    world.reconcile()

    world.user.create_credit(company_id=company, amount="10.00")
    world.settle()

    memo = world.one("CreditMemo")
    assert memo["TxnDate"] == "2026-04-01"
    assert "2026-03-02" in memo["PrivateNote"]
    world.check()


def test_what_was_held_goes_when_the_closing_date_moves(world: World) -> None:
    company, _ = world.linked_company()
    world.person.close_books("2026-03-31")
    world.reconcile()
    world.user.create_credit(company_id=company, amount="10.00")
    world.settle()
    assert [p["code"] for p in world.problems()] == ["closed_books"]

    world.person.close_books("2026-02-28")
    world.settle()
    world.wait(hours=7)

    assert world.one("CreditMemo")["TotalAmt"] == Decimal("10.00")
    assert world.problems() == []
    world.check()


def test_open_credits_of_unlinked_customers_are_queued_with_amount_and_age(world: World) -> None:
    parent = world.person.create_customer("Big Chain")["Id"]
    child = world.person.create_customer("Big Chain North", parent_id=parent)["Id"]
    world.person.write_credit_memo(child, "80.00", date="2026-02-10")
    world.settle()

    [problem] = world.problems("customer_not_mapped")
    assert (problem["quickbooks_id"], problem["amount"]) == (child, "80.00")
    assert "2026-02-10" in problem["cause"]
    assert [row["amount"] for row in world.tie_out()["waiting"]] == ["80.00"]

    company = world.user.create_company(name="Big Chain North", qb_customer_id=child)["id"]
    world.settle()

    assert [c["amount"] for c in world.account.all("credit", company)] == ["80.00"]
    assert world.problems() == []
    world.check()


def test_customers_met_in_quickbooks_become_companies_where_allowed(world: World) -> None:
    world.desk.patch("acc-1", settings={"import_customers": True}, actor=world.actor)
    customer = world.person.create_customer("New Friend")["Id"]
    world.person.write_credit_memo(customer, "80.00")
    world.settle()

    [company] = world.account.all("company")
    assert (company["name"], company["qb_customer_id"]) == ("New Friend", customer)
    assert [c["amount"] for c in world.account.all("credit", company["id"])] == ["80.00"]
    world.check()


@pytest.mark.parametrize("mode", ["match_by_name", "create"])
def test_companies_find_or_get_their_customers_where_allowed(world: World, mode: str) -> None:
    if mode == "match_by_name":
        world.person.create_customer("Sunset Dispensary")
    world.desk.patch("acc-1", settings={"customers": mode}, actor=world.actor)
    company = world.user.create_company(name="Sunset Dispensary")["id"]
    world.user.create_invoice(company_id=company, amount="10.00")
    world.settle()

    customer = world.one("Customer")
    assert world.account.get("company", company)["qb_customer_id"] == customer["Id"]
    assert world.one("Invoice")["CustomerRef"]["value"] == customer["Id"]
    world.check()


def test_memos_older_than_the_cut_over_date_are_left_where_they_are(world: World) -> None:
    company, customer = world.linked_company()
    world.desk.patch("acc-1", settings={"cut_over_date": "2026-02-01"}, actor=world.actor)
    world.person.write_credit_memo(customer, "80.00", date="2026-01-15")
    world.person.write_credit_memo(customer, "20.00", date="2026-02-15")
    world.settle()

    assert [c["amount"] for c in world.account.all("credit", company)] == ["20.00"]
    [figures] = world.tie_out()["companies"]
    assert [row["amount"] for row in figures["explained_by"]] == ["80.00"]
    world.check(unexplained=True)


def test_a_memo_given_to_another_customer_leaves_one_company_and_comes_to_the_other(world: World) -> None:
    world.company.switches.customer_change_when_linked = "drop"
    first, one = world.linked_company()
    second, two = world.linked_company("Moonrise")
    memo = world.person.write_credit_memo(one, "25.00")
    world.settle()
    assert len(world.account.all("credit", first)) == 1

    world.person.edit_credit_memo(memo["Id"], customer_id=two)
    world.settle()

    assert [c["status"] for c in world.account.all("credit", first)] == ["CANCELED"]
    assert [c["amount"] for c in world.account.all("credit", second)] == ["25.00"]
    world.check()


def test_a_kind_that_is_paused_waits_with_what_needs_it(world: World) -> None:
    company, _ = world.linked_company()
    world.desk.patch("acc-1", settings={"paused": ["CREDIT"]}, actor=world.actor)
    invoice = world.user.create_invoice(company_id=company, amount="50.00")
    credit = world.user.create_credit(company_id=company, amount="20.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="20.00", credits=[{"credit_id": credit["id"], "amount": "20.00"}], method=None
    )
    world.settle()

    assert (len(world.all("Invoice")), world.all("CreditMemo"), world.all("Payment")) == (1, [], [])

    world.desk.patch("acc-1", settings={"paused": []}, actor=world.actor)
    world.reconcile()

    assert amounts(world.one("Payment"))
    world.check()


def test_a_foreign_memo_with_somebody_elses_marker_is_never_touched(world: World) -> None:
    _, customer = world.linked_company()
    world.person.write_credit_memo(customer, "25.00", number="X-1", note="Distru credit of-another-account")
    world.settle()
    before = world.one("CreditMemo")

    world.reconcile()
    world.wait(hours=2)

    assert world.one("CreditMemo") == before
    world.check()


ELSEWHERE = "moved_to_another_customer"


def test_an_invoice_given_to_another_customer_is_asked_about_and_brought_back(world: World) -> None:
    """It lives: told for deleted, it was made a second time while the first stood under the other customer."""
    first, one = world.linked_company()
    second, two = world.linked_company("Moonrise")
    invoice = world.user.create_invoice(company_id=first, amount="50.00")
    world.settle()

    world.person.edit_invoice(world.one("Invoice")["Id"], customer_id=two)
    world.settle()
    world.wait(hours=2)

    [problem] = world.problems()
    assert (problem["code"], problem["erp_id"], problem["choices"]) == (ELSEWHERE, invoice["id"], ["use_erp"])
    assert "'Moonrise'" in problem["cause"]
    assert "'Sunset Dispensary'" in problem["cause"]
    figures = {row["company_id"]: row for row in world.tie_out()["companies"]}
    assert [figures[each]["quickbooks_ar"] for each in (first, second)] == ["0.00", "50.00"]
    assert [row["cause"] for row in figures[first]["explained_by"]] == [problem["cause"]]
    [visitor] = figures[second]["explained_by"]
    assert "belongs to 'Sunset Dispensary'" in visitor["cause"]
    ways = world.service.problem_desk.problem(problem["id"])["ways_out"]
    assert [way["effect"] for way in ways] == ["QuickBooks changes: customer from Moonrise to Sunset Dispensary."]

    world.desk.resolve(problem["id"], choice="use_erp", actor=world.actor)
    world.settle()

    assert world.one("Invoice")["CustomerRef"]["value"] == one
    assert world.problems() == []
    world.check()


def test_a_return_memo_given_to_another_customer_one_way_is_never_made_again(one_way: World) -> None:
    world = one_way
    first, _ = world.linked_company()
    _, two = world.linked_company("Moonrise")
    back = world.user.create_return(company_id=first, items=[{"quantity": "2", "price": "11.66"}])
    world.user.complete_return(return_id=back["id"])
    world.settle()
    memo = world.one("CreditMemo")

    world.person.edit_credit_memo(memo["Id"], customer_id=two)
    world.settle()
    [problem] = world.problems()
    world.desk.retry(problem["id"], actor=world.actor)
    world.wait(hours=2)

    assert world.one("CreditMemo")["CustomerRef"]["value"] == two
    assert [problem["code"] for problem in world.problems()] == [ELSEWHERE]


def test_a_person_gives_an_invoice_back_and_nothing_is_left_to_ask(world: World) -> None:
    first, one = world.linked_company()
    _, two = world.linked_company("Moonrise")
    world.user.create_invoice(company_id=first, amount="50.00")
    world.settle()
    given = world.one("Invoice")["Id"]
    world.person.edit_invoice(given, customer_id=two)
    world.settle()

    world.person.edit_invoice(given, customer_id=one)
    world.settle()

    assert world.problems() == []
    world.check()


def test_an_invoice_given_to_another_customer_on_both_sides_is_in_step(world: World) -> None:
    first, _ = world.linked_company()
    second, two = world.linked_company("Moonrise")
    invoice = world.user.create_invoice(company_id=first, amount="50.00")
    world.settle()
    world.person.edit_invoice(world.one("Invoice")["Id"], customer_id=two)
    world.settle()

    world.user.edit_invoice(invoice_id=invoice["id"], company_id=second)
    world.settle()

    assert world.one("Invoice")["CustomerRef"]["value"] == two
    assert world.problems() == []
    world.check()


def test_what_was_given_to_another_customer_and_voided_in_the_erp_is_voided_when_a_person_says_so(world: World) -> None:
    first, _ = world.linked_company()
    _, two = world.linked_company("Moonrise")
    invoice = world.user.create_invoice(company_id=first, amount="50.00")
    world.settle()
    world.person.edit_invoice(world.one("Invoice")["Id"], customer_id=two)
    world.user.cancel_order(invoice["order"]["id"])
    world.settle()
    [problem] = world.problems()
    assert problem["code"] == ELSEWHERE
    assert world.one("Invoice")["Balance"]

    world.desk.resolve(problem["id"], choice="use_erp", actor=world.actor)
    world.settle()

    assert not world.one("Invoice")["Balance"]
    assert world.problems() == []
    world.check()


def test_what_quickbooks_will_not_give_back_stays_with_its_refusal(world: World) -> None:
    """Somebody paid it under the other customer: QuickBooks may hold it there (REFERENCE 14, 16.11)."""
    first, _ = world.linked_company()
    _, two = world.linked_company("Moonrise")
    world.user.create_invoice(company_id=first, amount="50.00")
    world.settle()
    given = world.one("Invoice")["Id"]
    world.person.edit_invoice(given, customer_id=two)
    world.person.take_payment(two, "20.00", invoices={given: "20.00"})
    world.settle()
    [problem] = world.problems()

    world.desk.resolve(problem["id"], choice="use_erp", actor=world.actor)
    world.settle()
    calls = world.company.calls.free
    world.wait(hours=2)

    assert world.one("Invoice")["CustomerRef"]["value"] == two
    assert [problem["code"] for problem in world.problems()] == ["business_rule"]
    assert world.company.calls.free == calls


def test_a_payment_waits_for_an_invoice_that_stands_under_another_customer(world: World) -> None:
    first, one = world.linked_company()
    _, two = world.linked_company("Moonrise")
    invoice = world.user.create_invoice(company_id=first, amount="50.00")
    world.settle()
    world.person.edit_invoice(world.one("Invoice")["Id"], customer_id=two)
    world.settle()

    world.user.receive_payment(invoice_id=invoice["id"], amount="50.00")
    world.settle()
    assert world.all("Payment") == []

    [problem] = world.problems()
    world.desk.resolve(problem["id"], choice="use_erp", actor=world.actor)
    world.settle()

    assert world.one("Invoice")["CustomerRef"]["value"] == one
    assert world.one("Payment")["CustomerRef"]["value"] == one
    world.check()
