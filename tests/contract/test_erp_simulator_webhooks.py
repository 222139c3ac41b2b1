"""The simulator's notices: contracts/erp.md part 1."""

from __future__ import annotations

import hashlib
import hmac
from threading import Event
from typing import Any

import pytest
import simplejson
from erp_simulator_bench import Office, application, open_office
from flask import Flask, request

from fixtures.simulators.erp import ErpSimulator
from fixtures.simulators.serving import serve_in_thread
from fixtures.simulators.transport import WsgiAdapter


@pytest.fixture
def office() -> Office:
    return open_office()


@pytest.fixture
def shop(office: Office) -> Any:
    company = office.user.create_company("Blue Dream Dispensary")
    office.erp.webhooks.drain()
    return company


class Service:
    """The other end: remembers what it is sent, answers as a test says."""

    def __init__(self) -> None:
        self.status = 202
        self.bodies: list[Any] = []
        self.arrived = Event()
        self.app = Flask("service")
        self.app.add_url_rule("/webhooks/erp/<account_id>", view_func=self._take, methods=["POST"])

    def _take(self, account_id: str) -> tuple[str, int]:
        self.bodies.append(simplejson.loads(request.get_data()))
        self.arrived.set()
        return "{}", self.status

    def listen_to(self, office: Office) -> None:
        office.erp.webhooks.target_url = "http://service.test"
        office.erp.webhooks.session.mount("http://service.test", WsgiAdapter(self.app))

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(body["type"], body["event"]) for body in self.bodies]


def test_a_notice_is_signed_and_tells_what_changed(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "150.00")
    office.notices()
    office.user.edit_credit(credit["id"], amount="120.00")

    [(account_id, headers, body)] = office.erp.webhooks.drain()

    signature = hmac.new(b"sim-erp-secret", body, hashlib.sha256).hexdigest()
    assert (account_id, headers["x-distru-signature"]) == (office.account.account_id, f"sha256={signature}")
    told = simplejson.loads(body, use_decimal=True)
    assert (told["type"], told["event"], told["id"]) == ("CREDIT", "UPDATE", credit["id"])
    assert told["changes"]["amount"] == {"before": "150.00", "after": "120.00"}
    assert told["object"] == office.fresh("credit", credit)
    assert told["occurred_datetime"] == told["object"]["updated_datetime"]


def test_the_object_is_read_when_it_is_sent(office: Office, shop: Any) -> None:
    office.erp.read_lag_seconds = 5
    credit = office.user.create_credit(shop["id"], "150.00")
    office.user.edit_credit(credit["id"], amount="120.00")

    bodies = [simplejson.loads(body) for _, _, body in office.erp.webhooks.drain()]

    assert [(body["event"], body["object"]["amount"]) for body in bodies] == [
        ("CREATE", "120.00"),
        ("UPDATE", "120.00"),
    ]
    assert bodies[0]["changes"] == {}


def test_a_payment_arrives_as_the_event_of_its_invoice_too(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    office.notices()

    payment = office.user.receive_payment(invoice["id"], amount="100.00")
    made = office.notices()
    office.user.void_payment(payment["id"])

    assert set(made) == {("INVOICE", "UPDATE", invoice["id"]), ("PAYMENT", "CREATE", payment["id"])}
    assert ("INVOICE", "UPDATE", invoice["id"]) in office.notices()


def test_distru_of_today_tells_nothing_of_credits_payments_and_refunds(office: Office, shop: Any) -> None:
    office.erp.webhooks.distru_types_only = True
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    office.user.receive_payment(invoice["id"], amount="120.00")

    assert {kind for kind, _, _ in office.notices()} == {"ORDER", "INVOICE"}


def test_a_hard_delete_has_no_object_and_a_soft_one_is_an_update(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "10.00")
    invoice = office.user.create_invoice(shop["id"], amount="10.00")
    office.notices()

    office.user.delete_credit(credit["id"])
    office.user.delete_order(invoice["order"]["id"])

    told = [simplejson.loads(body) for _, _, body in office.erp.webhooks.drain()]
    assert told[0]["event"] == "UPDATE"
    assert told[0]["object"]["deleted_at"]
    gone = {body["type"]: (body["event"], body["object"], body["changes"]) for body in told[1:]}
    assert gone == {"ORDER": ("DELETE", None, {}), "INVOICE": ("DELETE", None, {})}


def test_changes_that_the_service_made_are_told_as_well(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    office.notices()

    lines = [application(invoice, "100.00")]
    office.declare_payment("900", company_id=shop["id"], total_amount="100.00", applications=lines)

    assert [(kind, event) for kind, event, _ in office.notices()] == [("INVOICE", "UPDATE"), ("PAYMENT", "CREATE")]


def test_delivery_posts_to_the_service_and_empties_the_queue(office: Office, shop: Any) -> None:
    service = Service()
    service.listen_to(office)
    office.user.create_credit(shop["id"], "10.00")

    assert office.erp.webhooks.deliver() == 1
    assert service.events == [("CREDIT", "CREATE")]
    assert office.erp.webhooks.deliver() == 0


def test_an_undelivered_notice_holds_back_later_ones_of_its_record_only(office: Office, shop: Any) -> None:
    service = Service()
    service.listen_to(office)
    service.status = 503
    credit = office.user.create_credit(shop["id"], "10.00")
    office.erp.webhooks.deliver()
    service.bodies.clear()
    service.status = 202
    office.user.edit_credit(credit["id"], amount="8.00")
    office.user.create_credit(shop["id"], "1.00")

    office.erp.webhooks.deliver()
    at_once = list(service.events)
    office.clock.pass_(minutes=2)
    office.erp.webhooks.deliver()

    assert at_once == [("CREDIT", "CREATE")]
    assert service.events == [("CREDIT", "CREATE"), ("CREDIT", "CREATE"), ("CREDIT", "UPDATE")]


def test_after_ten_tries_in_four_hours_a_notice_is_dropped(office: Office, shop: Any) -> None:
    service = Service()
    service.listen_to(office)
    service.status = 500
    office.user.create_credit(shop["id"], "10.00")
    start = office.clock.now

    while office.erp.webhooks.pending():
        office.erp.webhooks.deliver()
        office.clock.pass_(minutes=1)

    assert len(service.bodies) == 10
    assert 3.5 < (office.clock.now - start).total_seconds() / 3600 < 4.5
    assert len(office.erp.webhooks.dropped) == 1


def test_notices_come_twice_get_lost_or_change_places_between_records(office: Office, shop: Any) -> None:
    webhooks = office.erp.webhooks
    webhooks.duplicate = True
    office.user.create_credit(shop["id"], "1.00")
    assert len(webhooks.drain()) == 2

    webhooks.duplicate = False
    webhooks.lose_next(1)
    office.user.create_credit(shop["id"], "1.00")
    kept = office.user.create_credit(shop["id"], "1.00")
    assert [record_id for _, _, record_id in office.notices()] == [kept["id"]]

    webhooks.reorder = True
    for _ in range(8):
        credit = office.user.create_credit(shop["id"], "2.00")
        office.user.edit_credit(credit["id"], amount="1.00")
    told = office.notices()
    created = [record_id for _, event, record_id in told if event == "CREATE"]
    assert [record_id for _, event, record_id in told[::2]] != created
    for record_id in created:
        assert [event for _, event, one in told if one == record_id] == ["CREATE", "UPDATE"]


def test_served_on_a_socket_it_delivers_by_itself() -> None:
    service = Service()
    served = serve_in_thread(service.app)
    erp = ErpSimulator()
    erp.webhooks.target_url = served.url
    erp.webhooks.start()

    erp.create_account().user.create_company("Blue Dream")
    arrived = service.arrived.wait(timeout=5)
    erp.webhooks.stop()
    served.stop()

    assert arrived
    assert service.events == [("COMPANY", "CREATE")]
