"""What accountants will try next: reasons, orders, deposits, old integrations, proofs of a day."""

from __future__ import annotations

from decimal import Decimal

from tests.stories.world import World


def test_goodwill_and_write_off_go_to_items_of_their_own_and_show_their_accounts_before(world: World) -> None:
    company, _ = world.linked_company()
    items = {reason: world.person.create_item(reason.title())["Id"] for reason in ("GOODWILL", "WRITE_OFF")}
    world.reconcile()
    world.desk.patch("acc-1", settings={"reason_items": items}, actor=world.actor)
    world.settle()
    world.webhooks_on = False
    for reason in items:
        world.user.create_credit(company_id=company, amount="10.00", reason=reason)

    plan = world.desk.reconcile("acc-1", company_id=None, dry_run=True, actor=world.actor)

    assert [row["action"] for row in plan["steps"]] == ["create", "create"]
    entries = plan["steps"][0]["gl_effect"]["entries"]
    assert (entries[0]["debit"], entries[1]["account"], entries[1]["credit"]) == (
        "10.00",
        "Accounts Receivable",
        "10.00",
    )
    assert world.all("CreditMemo") == []

    world.webhooks_on = True
    world.reconcile()

    used = {memo["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] for memo in world.all("CreditMemo")}
    assert used == set(items.values())
    world.check()


def test_a_deposit_larger_than_its_order_leaves_the_rest_as_a_credit(world: World) -> None:
    company, _ = world.linked_company()
    order = world.user.create_order(
        company_id=company, items=[{"description": "x", "quantity": "1", "unit_price": "80"}]
    )
    world.user.receive_payment(order_id=order["id"], amount="100.00")
    world.settle()
    world.user.invoice_order(order["id"])
    world.settle()

    assert world.one("Invoice")["Balance"] == 0
    assert world.one("Payment")["UnappliedAmt"] == Decimal("20.00")
    assert [c["remaining_balance"] for c in world.account.all("credit", company)] == ["20.00"]
    world.check()


def test_a_deleted_order_takes_its_overpayment_credit_along(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    other = world.user.create_invoice(company_id=company, amount="50.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    [over] = world.account.all("credit", company)
    world.user.receive_payment(
        invoice_id=other["id"], amount="15.00", credits=[{"credit_id": over["id"], "amount": "15.00"}], method=None
    )
    world.settle()

    world.user.delete_order(invoice["order"]["id"])
    world.settle()

    assert [i["Balance"] for i in world.all("Invoice")] == [Decimal("50.00")]
    assert world.all("Payment") == []
    world.check()


def test_a_company_deleted_in_the_erp_keeps_its_credits_and_its_customer(world: World) -> None:
    company, customer = world.linked_company()
    world.user.create_credit(company_id=company, amount="30.00")
    world.settle()

    world.user.delete_company(id=company)
    world.settle()

    assert world.company.get("Customer", customer)["Active"]
    assert len(world.all("CreditMemo")) == 1
    world.check()


def test_a_return_without_an_order_is_a_memo_without_invented_lineage(one_way: World) -> None:
    company, _ = one_way.linked_company()
    returned = one_way.user.create_return(company_id=company, items=[{"quantity": "1", "price": "30"}])
    one_way.user.complete_return(returned["id"])
    one_way.settle()

    [line, _] = one_way.one("CreditMemo")["Line"]
    assert "batch" not in line.get("Description", "")
    assert "package" not in line.get("Description", "")
    one_way.check()


def test_an_inventory_item_moves_no_stock_unless_a_connection_says_so(one_way: World) -> None:
    world = one_way
    company, _ = world.linked_company()
    stocked = next(i["Id"] for i in world.all("Item") if i["Type"] == "Inventory")
    product = world.user.create_product(name="Pods", quickbooks_item_id=stocked)["id"]
    items = [{"product_id": product, "quantity": "1", "price": "30"}]
    world.user.complete_return(world.user.create_return(company_id=company, items=items)["id"])
    world.settle()
    assert world.one("CreditMemo")["Line"][0]["SalesItemLineDetail"]["ItemRef"]["name"] == "Distru Sales"

    world.desk.patch("acc-1", settings={"inventory_lines": True}, actor=world.actor)
    world.user.complete_return(world.user.create_return(company_id=company, items=items)["id"])
    world.settle()

    used = [memo["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] for memo in world.all("CreditMemo")]
    assert stocked in used
    world.check()


def test_memos_that_an_older_integration_made_from_returns_are_adopted_when_two_way_comes(unconnected: World) -> None:
    world = unconnected
    company, customer = world.linked_company()
    returned = world.user.create_return(company_id=company, items=[{"quantity": "2", "price": "30"}])
    world.user.complete_return(returned["id"])
    [credit] = world.account.all("credit", company)
    memo = world.person.write_credit_memo(customer, "60.00", number="RET-OLD")
    world.account.plant("return", {**world.account.get("return", returned["id"]), "qb_credit_memo_id": memo["Id"]})
    world.clock.sleep(60)
    world.connect()
    world.settle()

    plan = world.desk.preview_two_way("acc-1", used_credits="revert", actor=world.actor)
    assert [(row["action"], row["quickbooks_id"]) for row in plan["steps"]] == [("adopt", memo["Id"])]
    world.enable_two_way()

    assert len(world.all("CreditMemo")) == 1
    assert world.account.get("credit", credit["id"])["status"] == "ACTIVE"
    assert world.links(kind="CREDIT")[0]["quickbooks_id"] == memo["Id"]
    world.check()


def test_an_invoice_typed_by_hand_before_is_adopted_when_its_twin_is_sent(unconnected: World) -> None:
    world = unconnected
    company, customer = world.linked_company()
    old = world.user.create_invoice(company_id=company, amount="100.00", number="2041")
    typed = world.person.create_invoice(customer, "100.00", number="2041")
    world.clock.sleep(60)
    world.connect()
    world.settle()

    world.user.receive_payment(invoice_id=old["id"], amount="100.00")
    world.settle()

    assert world.one("Invoice")["Id"] == typed["Id"]
    assert world.one("Invoice")["Balance"] == 0
    world.check()


def test_the_proof_of_a_day_names_what_explains_the_difference_then(world: World) -> None:
    company, customer = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00", date="2026-02-10T12:00:00Z")
    world.person.journal_entry(customer, "37.12")
    world.settle()
    world.reconcile()

    before = world.desk.tie_out("acc-1", as_of="2026-02-28")
    after = world.desk.tie_out("acc-1", as_of="2026-03-31")

    assert (before["erp_total"], before["difference"]) == ("100.00", "0.00")
    assert after["difference"] == "37.12"
    assert [row["kind"] for row in after["companies"][0]["explained_by"]] == ["JournalEntry"]


def test_an_invoice_deleted_in_quickbooks_is_not_made_again_before_a_person_says_so(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.person.delete_invoice(world.one("Invoice")["Id"])
    world.settle()
    world.wait(hours=1)

    assert world.all("Invoice") == []
    [problem] = world.problems()
    assert (problem["code"], problem["erp_id"]) == ("deleted_in_quickbooks", invoice["id"])
    assert world.account.links("invoice")[invoice["id"]]["sync_status"] == "DELETED_IN_QBO"

    world.desk.resolve(problem["id"], choice="use_erp", actor=world.actor)
    world.settle()

    assert world.one("Invoice")["TotalAmt"] == Decimal("100.00")
    assert world.problems() == []
    world.check(made_anew=1)


def test_everything_that_was_written_can_say_why(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="30.00")
    world.settle()
    world.user.edit_credit(id=credit["id"], amount="20.00")
    world.settle()

    rows = world.desk.audit("acc-1", record=credit["id"], run=None, cursor=None, limit=100)["data"]

    assert [(row["action"], row["amount"], row["side"]) for row in rows] == [
        ("update", "20.00", "quickbooks"),
        ("create", "30.00", "quickbooks"),
    ]
    assert all(row["why"] and row["run_id"] and row["number"] == credit["credit_number"] for row in rows)
    assert rows[0]["before"]["total"] == "30.00"


def test_connection_says_how_far_each_side_was_read_and_whether_quickbooks_applies_credits_by_itself(
    world: World,
) -> None:
    view = world.desk.connection("acc-1")

    assert view["complete_up_to"]["quickbooks"]
    assert view["auto_apply_credit"] in (True, False)
    assert view["quickbooks_company"] == "Green Leaf Books"


def test_a_dry_run_shows_the_customer_that_would_be_made_and_makes_none(world: World) -> None:
    world.desk.patch("acc-1", settings={"customers": "create"}, actor=world.actor)
    world.settle()
    company = world.user.create_company(name="Sunset Dispensary")["id"]
    world.user.create_invoice(company_id=company, amount="10.00")

    plan = world.desk.reconcile("acc-1", company_id=None, dry_run=True, actor=world.actor)

    assert [row["kind"] for row in plan["steps"]] == ["COMPANY", "INVOICE"]
    assert world.all("Customer") == []
    world.settle()
    assert world.one("Customer")["DisplayName"] == "Sunset Dispensary"
    world.check()


def test_looking_at_two_way_sync_makes_no_company_of_a_customer_met_in_quickbooks(world: World) -> None:
    world.desk.disable_two_way("acc-1", actor=world.actor)
    world.desk.patch("acc-1", settings={"import_customers": True}, actor=world.actor)
    world.settle()
    customer = world.person.create_customer("New Friend")["Id"]
    world.person.write_credit_memo(customer, "80.00")

    world.desk.preview_two_way("acc-1", used_credits="revert", actor=world.actor)

    assert world.account.all("company") == []
