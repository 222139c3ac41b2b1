"""Promises that no test held until a planted defect broke them unseen (`make mutants`)."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.world import World


def look(world: World) -> None:
    """The ERP's notices arrive and QuickBooks' are late; the workers look once."""
    for account_id, headers, body in world.erp.webhooks.drain():
        world.service.intake.erp(account_id, body, headers["x-distru-signature"])
    world.service.dispatcher.run_due()


def disconnect_hard_and_come_back(world: World) -> None:
    world.desk.disconnect("acc-1", mode="hard", confirm="Emerald Wholesale", actor=world.actor)
    world.settle()
    world.connect()
    world.settle()


def resync(world: World) -> None:
    world.desk.resync(
        "acc-1", kinds=None, company_ids=None, updated_after=None, customers=None, dry_run=False, actor=world.actor
    )
    world.settle()


def test_what_changed_while_quickbooks_could_not_be_read_is_read_when_it_can(world: World) -> None:
    company, customer = world.linked_company()
    world.settle()
    world.webhooks_on = False
    world.person.write_credit_memo(customer, "25.00", number="CM-7")
    world.qbo.faults.add(match={"operation": "cdc"}, kind="timeout_before", times=None)
    for _ in range(6):
        world.wait(minutes=10)

    world.qbo.faults.clear()
    world.wait(minutes=10)

    assert [c["amount"] for c in world.account.all("credit", company)] == ["25.00"]
    world.check()


def test_more_changes_than_one_answer_holds_are_all_read(world: World) -> None:
    company, customer = world.linked_company()
    stranger = world.person.create_customer("Stranger")["Id"]
    world.settle()
    world.webhooks_on = False
    for amount in ("10.00", "11.00"):
        world.person.write_credit_memo(customer, amount, number=f"CM-{amount}")
        for number in range(1_000 if amount == "10.00" else 0):
            world.person.write_credit_memo(stranger, "1.00", number=f"S-{number}")
    world.wait(minutes=10)

    assert sorted(credit["amount"] for credit in world.account.all("credit", company)) == ["10.00", "11.00"]


def test_a_record_of_an_erp_whose_clock_is_a_minute_behind_is_read_without_a_notice(world: World) -> None:
    company, _ = world.linked_company()
    world.wait(hours=1)
    world.webhooks_on = False
    credit = world.user.create_credit(company_id=company, amount="10.00")
    behind = (world.clock() - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    world.account.plant("credit", {**world.account.get("credit", credit["id"]), "updated_datetime": behind})

    world.wait(minutes=10)

    assert len(world.all("CreditMemo")) == 1
    world.check()


def test_a_memo_of_a_former_epoch_that_was_deleted_is_not_taken_for_the_new_one(world: World) -> None:
    """QuickBooks replays the answer to a request that it has seen, also for what was deleted since."""
    company, _ = world.linked_company()
    world.user.create_credit(company_id=company, amount="40.00")
    world.settle()
    former = world.one("CreditMemo")["Id"]
    disconnect_hard_and_come_back(world)
    world.person.delete_credit_memo(former)
    world.settle()

    resync(world)

    assert [memo["TotalAmt"] for memo in world.all("CreditMemo")] == [40]
    world.check(made_anew=1)


def test_a_memo_that_a_person_deleted_before_its_answer_came_is_not_linked_as_if_it_stood(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.qbo.faults.add(match={"operation": "create"}, kind="timeout_after")
    credit = world.user.create_credit(company_id=company, amount="40.00")
    look(world)
    world.person.delete_credit_memo(world.one("CreditMemo")["Id"])
    world.clock.sleep(6)
    look(world)

    linked = {memo["Id"] for memo in world.all("CreditMemo")}
    shown = world.account.links("credit")[credit["id"]]
    assert shown["sync_status"] != "SYNCED" or shown["quickbooks_id"] in linked, shown
    world.settle()
    world.check(made_anew=1)


def test_a_notice_of_a_deletion_is_kept_until_its_work_is_done(world: World) -> None:
    """What is deleted for good in the ERP shows in no read; and the look begins with a write that is still unknown."""
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.qbo.faults.add(match={"operation": "create"}, kind="timeout_before", times=2)
    world.user.create_credit(company_id=company, amount="7.00")
    look(world)
    world.user.delete_invoice(invoice_id=invoice["id"])
    world.clock.sleep(6)
    look(world)

    world.wait(minutes=10)
    world.wait(minutes=10)

    assert [i for i in world.all("Invoice") if i["Balance"]] == []
    world.check()


def test_a_notice_that_the_erp_sends_twice_is_worked_once(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_credit(company_id=company, amount="40.00")
    account_id, headers, body = world.erp.webhooks.drain()[-1]

    answers = [world.service.intake.erp(account_id, body, headers["x-distru-signature"]) for _ in range(2)]

    assert answers == ["accepted", "duplicate"]


def test_the_notices_of_our_own_writes_cost_nothing(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_credit(company_id=company, amount="40.00")
    world.settle()
    world.user.create_credit(company_id=company, amount="7.00")
    look(world)
    metered = world.company.calls.metered

    assert world.deliver() > 0
    world.service.dispatcher.run_due()

    assert len(world.all("CreditMemo")) == 2
    assert world.company.calls.metered == metered


def test_a_lost_answer_makes_no_second_memo_though_quickbooks_notices_are_late(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.qbo.faults.add(match={"operation": "create"}, kind="timeout_after")
    world.user.create_credit(company_id=company, amount="40.00")
    look(world)
    world.clock.sleep(6)
    look(world)

    assert len(world.all("CreditMemo")) == 1
    world.settle()
    world.check()


def test_a_change_meets_a_version_that_somebody_typed_meanwhile_and_finds_its_way(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="40.00")
    world.settle()
    world.person.edit_credit_memo(world.one("CreditMemo")["Id"], note="typed by Ann")
    world.user.edit_credit(id=credit["id"], amount="55.00")
    look(world)

    assert world.one("CreditMemo")["TotalAmt"] == 55
    assert world.problems() == []


def test_a_credit_that_waits_is_not_shown_as_synced(world: World) -> None:
    company, _ = world.linked_company()
    world.desk.patch("acc-1", settings={"paused": ["CREDIT"]}, actor=world.actor)
    credit = world.user.create_credit(company_id=company, amount="40.00")
    world.settle()

    assert world.all("CreditMemo") == []
    assert world.account.links("credit")[credit["id"]]["sync_status"] == "PENDING"
