"""A world with its whole web application: two accounts, one of them connected, and a story in it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from service.console import open_console
from service.web import create_app
from tests.stories.world import World

PASSWORD = "seven quiet ledgers wait"
API_ROLES = ("erp", "viewer", "support", "admin")
PEOPLE = ("viewer", "support", "admin")


@dataclass
class House:
    """A world with its whole web application, and the ids of what is in it."""

    world: World
    app: Flask
    ids: dict[str, str]
    foreign: dict[str, str]
    revoked: str


def app_over(world: World, public_url: str = "http://sync.test") -> Flask:
    """The whole web application over a world's engine, reached at that address."""
    service = world.service
    app = create_app(desk=service.desk, intake=service.intake, figures=service.figures, public_url=public_url)
    settings = service.settings.model_copy(update={"public_url": public_url})
    open_console(app, type("Office", (), {**vars(service), "settings": settings})())
    return app


def a_story(world: World) -> dict[str, str]:
    """Documents of every kind, one of them with a problem; answers their ids as routes name them."""
    company, _ = world.linked_company(name="=HYPERLINK(Sunset)")
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    credit = world.user.create_credit(company_id=company, amount="20.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    stranger = world.user.create_company(name="+Nobody's Customer")["id"]
    world.user.create_invoice(company_id=stranger, amount="5.00")
    world.settle()
    [problem] = world.problems("customer_not_linked")
    return {
        "account_id": "acc-1",
        "company_id": company,
        "invoice_id": invoice["id"],
        "credit_id": credit["id"],
        "run_id": world.desk.runs("acc-1", cursor=None, limit=1)["data"][0]["id"],
        "problem_id": problem["id"],
    }
