"""Every endpoint has an example, and every example works: played against the real application and both simulators."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from werkzeug.test import TestResponse

from fixtures.handbook.examples import Example, read_examples
from service.web import create_app
from tests.stories.world import World

EXAMPLES = read_examples()


class Playing:
    """A world in which examples are played one after the other; `values` are the variables."""

    def __init__(self) -> None:
        self.world = World(two_way=False)
        service = self.world.service
        self.app: Flask = create_app(
            desk=service.desk, intake=service.intake, figures=service.figures, public_url="http://sync.test"
        )
        for role in ("erp", "viewer", "support"):
            self.world.desk.bootstrap_tokens[f"{role}-token"] = role
        self.company, self.customer = self.world.linked_company()
        invoice = self.world.user.create_invoice(company_id=self.company, amount="100.00")
        self.world.settle()
        self.values = {
            "account": "acc-1",
            "erp_key": self.world.erp_key,
            "realm": self.world.company.realm_id,
            "epoch": "1",
            "company": self.company,
            "invoice": invoice["id"],
        }
        self.values["credit"] = self.world.user.create_credit(company_id=self.company, amount="20.00")["id"]

    def play(self, example: Example) -> TestResponse:
        if example.before:
            BEFORE[example.before](self)
        body = example.filled(example.body, self.values).encode() if example.body else None
        path = example.filled(example.path, self.values)
        headers = dict(example.headers) | self._proof(example, path, body)
        answer = self.app.test_client().open(path, method=example.method, headers=headers, data=body)
        if example.keep:
            name, field = example.keep
            self.values[name] = answer.get_json()[field]
        return answer

    def _proof(self, example: Example, path: str, body: bytes | None) -> dict[str, str]:
        """The token of the role, or the signature of the side."""
        if example.role != "signed":
            return {"Authorization": f"Bearer {example.role}-token"} if example.role else {}
        if "quickbooks" in path:
            digest = hmac.new(self.world.verifier.encode(), body or b"", hashlib.sha256).digest()
            return {"intuit-signature": base64.b64encode(digest).decode()}
        digest = hmac.new(self.world.erp_secret.encode(), body or b"", hashlib.sha256).digest()
        return {"x-distru-signature": f"sha256={digest.hex()}"}


def settles(playing: Playing) -> None:
    playing.world.settle()


def is_held(playing: Playing) -> None:
    world = playing.world
    world.desk.patch("acc-1", settings={"max_documents_per_run": 1}, actor=world.actor)
    for amount in ("11.00", "12.00"):
        world.user.create_credit(company_id=playing.company, amount=amount)
    world.wait(minutes=6)
    runs = world.desk.runs("acc-1", cursor=None, limit=50)["data"]
    playing.values["held_run"] = next(run["id"] for run in runs if run["state"] == "held")
    world.desk.patch("acc-1", settings={"max_documents_per_run": None}, actor=world.actor)


def is_changed_in_quickbooks(playing: Playing) -> None:
    world = playing.world
    made = world.user.create_invoice(company_id=playing.company, amount="70.00")
    world.settle()
    [link] = world.links(erp_id=made["id"])
    world.person.edit_invoice(link["quickbooks_id"], amount="60.00")
    world.settle()
    playing.values["conflict"] = world.problems("changed_in_quickbooks")[0]["id"]


def is_not_linked(playing: Playing) -> None:
    world = playing.world
    stranger = world.user.create_company(name="Nobody's Customer")["id"]
    world.user.create_invoice(company_id=stranger, amount="5.00")
    world.settle()
    playing.values["problem"] = world.problems("customer_not_linked")[0]["id"]


def is_connected_again(playing: Playing) -> None:
    playing.world.settle()
    playing.world.connect()
    playing.world.settle()


BEFORE: dict[str, Callable[[Playing], None]] = {
    "everything settles": settles,
    "a run is held": is_held,
    "an invoice is changed in QuickBooks": is_changed_in_quickbooks,
    "an invoice of a company that nobody linked": is_not_linked,
    "the same company is connected again": is_connected_again,
}


@pytest.fixture(scope="module")
def answers() -> Iterator[tuple[dict[str, TestResponse], dict[str, Any]]]:
    """The answer to each, by its title, and the description."""
    playing = Playing()
    found = {example.title: playing.play(example) for example in EXAMPLES}
    yield found, playing.app.test_client().get("/openapi.json").get_json()
    playing.world.close()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_is_answered_as_it_says_and_as_the_description_says(
    answers: tuple[dict[str, TestResponse], dict[str, Any]], example: Example
) -> None:
    found, document = answers
    answer = found[example.title]

    assert answer.status_code == example.status, answer.text
    described = [item for path, item in document["paths"].items() if example.is_of(path)]
    if described and answer.mimetype == "application/json":
        content = described[0][example.method.lower()]["responses"][str(example.status)]["content"]
        validator_of(document, content["application/json"]["schema"]).validate(answer.get_json())


def test_every_endpoint_has_an_example() -> None:
    app = create_app(desk=None, intake=None, figures=None, public_url="http://sync.test")  # type: ignore[arg-type]
    described = {
        (method.upper(), path)
        for path, item in app.test_client().get("/openapi.json").get_json()["paths"].items()
        for method in item
    }
    shown = {
        (method, path) for method, path in described for each in EXAMPLES if each.method == method and each.is_of(path)
    }

    assert described - shown == set()


def validator_of(document: dict[str, Any], schema: dict[str, Any]) -> OAS31Validator:
    """A schema of the description, which refers to others in it."""
    registry = Registry().with_resource("urn:api", Resource.from_contents(document, DRAFT202012))
    whole = {"$ref": f"urn:api{schema['$ref']}"} if "$ref" in schema else schema
    return OAS31Validator(whole, registry=registry)
