"""One world for all that is only looked at, with somebody of every role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from houses import API_ROLES, PASSWORD, PEOPLE, House, a_story, app_over

from tests.stories.world import World


@pytest.fixture(scope="package")
def house() -> Iterator[House]:
    """Built once: nothing in this folder changes it but sessions and sign-ins."""
    world = World()
    ids = a_story(world)
    other = world.erp.create_account(account_id="acc-2", name="Other Wholesale", api_key="other-key")
    world.desk.create_connection("acc-2", "Other Wholesale", "other-key", actor="test")
    theirs = other.user.create_company(name="Their Customer")["id"]
    foreign = {
        "company_id": theirs,
        "invoice_id": other.user.create_invoice(company_id=theirs, amount="7.00")["id"],
        "credit_id": other.user.create_credit(company_id=theirs, amount="3.00")["id"],
    }
    for role in API_ROLES:
        world.desk.bootstrap_tokens[f"{role}-token"] = role
    for role in PEOPLE:
        world.service.people.create(role, role, PASSWORD)
    world.service.people.create("gone", "admin", PASSWORD)
    world.service.people.disable("gone")
    revoked = world.desk.create_token("short-lived", "admin")
    world.desk.revoke_token("short-lived")
    yield House(world, app_over(world), ids, foreign, revoked)
    world.close()
