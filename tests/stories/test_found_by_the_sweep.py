"""What the exhaustive sweep found: one fault at one place, each told as the shortest story that shows it."""

from __future__ import annotations

from tests.stories.world import World


def disconnect_hard(world: World) -> str:
    run = world.desk.disconnect("acc-1", mode="hard", confirm="Emerald Wholesale", actor=world.actor)
    world.settle()
    return str(run["id"])


def connected_again(world: World) -> None:
    """A credit was in step, the connection was ended for good, and the same company is connected anew."""
    company, _ = world.linked_company()
    world.user.create_credit(company_id=company, amount="40.00")
    world.settle()
    disconnect_hard(world)
    world.connect()
    world.settle()


def test_a_hard_disconnect_that_was_cut_off_after_its_last_step_ends_one_epoch(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_credit(company_id=company, amount="40.00")
    world.settle()
    run = disconnect_hard(world)
    with world.service.store.writing() as tx:
        tx.runs.update(run, state="running")

    world.wait(minutes=10)

    assert world.desk.run(run)["state"] == "succeeded"
    assert world.desk.connection("acc-1")["epoch"] == 2


def test_a_restore_that_is_cut_off_after_the_epoch_came_back_goes_on(world: World) -> None:
    connected_again(world)
    world.erp.faults.add(match={"method": "GET"}, kind="http_500", times=3)

    run = world.desk.restore("acc-1", epoch=1, actor=world.actor)
    world.settle()
    world.wait(minutes=10)

    assert world.desk.run(run["id"])["state"] == "succeeded", world.desk.run(run["id"])["error"]
    assert [
        row["action"] for row in world.desk.audit("acc-1", record=None, run=run["id"], cursor=None, limit=9)["data"]
    ]
    world.check()


def test_a_restore_that_quickbooks_refuses_to_be_read_for_once_goes_on(world: World) -> None:
    """The epoch was back, the books came into step with the next look, and the run was shown as failed for ever."""
    connected_again(world)
    world.qbo.faults.add(match={"operation": "query"}, kind="fault_in_200", times=2)

    run = world.desk.restore("acc-1", epoch=1, actor=world.actor)
    world.settle()
    for _ in range(2):
        assert world.desk.run(run["id"])["state"] == "queued"
        world.wait(minutes=1)

    assert world.desk.run(run["id"])["state"] == "succeeded", world.desk.run(run["id"])["error"]
    assert world.problems() == []
    world.check()


def test_a_run_that_lost_its_grant_goes_on_when_the_connection_is_back(world: World) -> None:
    """The epoch was back already, so nobody asked again, and the restore was shown as failed for ever."""
    connected_again(world)
    world.qbo.faults.add(match={"operation": "query"}, kind="authorization_3100", times=1)
    run = world.desk.restore("acc-1", epoch=1, actor=world.actor)
    world.settle()
    assert world.desk.connection("acc-1")["state"] == "needs_reauthorisation"
    assert world.desk.run(run["id"])["state"] == "queued"

    world.connect()
    world.settle()

    assert world.desk.run(run["id"])["state"] == "succeeded"
    assert world.problems() == []
    world.check()


def test_a_run_that_waits_for_a_grant_can_be_stopped(world: World) -> None:
    world.qbo.faults.add(match={"operation": "cdc"}, kind="authorization_3100", times=1)
    run = world.desk.reconcile("acc-1", company_id=None, dry_run=False, actor=world.actor)
    world.settle()
    assert world.desk.run(run["id"])["state"] == "queued"

    world.desk.cancel(run["id"], actor=world.actor)
    world.settle()

    assert world.desk.run(run["id"])["state"] == "cancelled"


def test_a_memo_deleted_in_quickbooks_is_shown_so_though_the_erps_answer_was_lost(world: World) -> None:
    company, customer = world.linked_company()
    memo = world.person.write_credit_memo(customer, "25.00", number="CM-7")["Id"]
    world.settle()
    world.erp.faults.add(match={"method": "PUT", "path": "credit-memos"}, kind="timeout_after", times=3)

    world.person.delete_credit_memo(memo)
    world.settle()
    world.wait(minutes=10)

    [credit] = world.account.all("credit", company)
    assert credit["status"] == "CANCELED"
    assert world.account.links("credit")[credit["id"]]["sync_status"] == "DELETED_IN_QBO"
    world.check()
