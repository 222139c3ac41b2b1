"""What the doctor finds in a running world, and what it says to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from service.store.store import open_store
from tests.stories.world import KEY, World


def ills(world: World) -> dict[str, str]:
    """What is wrong, by what it is about."""
    return {found.about: found.what_to_do for found in world.service.checkup.look() if not found.ok}


@pytest.fixture
def on_a_file(tmp_path: Path) -> Iterator[tuple[World, str]]:
    """A world whose database can be opened with other keys, and its address."""
    from service.store.migrate import upgrade

    url = f"sqlite:///{tmp_path}/books.db"
    upgrade(url)
    world = World(url)
    yield world, url
    world.close()


def test_a_world_that_is_well_has_no_finding(world: World) -> None:
    assert ills(world) == {}


def test_a_key_that_was_taken_away_is_asked_back(on_a_file: tuple[World, str]) -> None:
    world, url = on_a_file
    stranger = open_store(url, [Fernet.generate_key().decode()], world.clock)

    assert stranger.inspect_keys() == (2, 0)
    ports = replace(world.service.ports, store=stranger, vault=stranger.vault)
    found = [each for each in replace(world.service.checkup, ports=ports).look() if not each.ok]
    assert [each.about for each in found] == ["encryption keys"]
    assert "2 stored secrets are opened by none of them: put the key" in found[0].what_to_do
    stranger.close()


def test_secrets_under_an_older_key_wait_to_be_rotated(on_a_file: tuple[World, str]) -> None:
    world, url = on_a_file
    newer = open_store(url, [Fernet.generate_key().decode(), KEY], world.clock)

    assert newer.inspect_keys() == (0, 2)
    newer.rotate_keys()
    assert newer.inspect_keys() == (0, 0)
    newer.close()


def test_an_account_whose_key_the_erp_refuses_is_named(world: World) -> None:
    world.account.api_key = "another"

    assert "acc-1 cannot read their account" in ills(world)["ERP keys"]


def test_a_grant_that_ends_soon_is_named_before_it_ends(world: World) -> None:
    world.clock.sleep(90 * 24 * 3600)

    assert "acc-1 end within 14 days" in ills(world)["grants"]


def test_a_consent_that_was_withdrawn_is_named(world: World) -> None:
    world.qbo.tokens.revoke_realm(world.company.realm_id)
    world.reconcile()

    assert "acc-1 are not taken by QuickBooks any more" in ills(world)["consents"]


def test_nobody_who_works_is_noticed(world: World) -> None:
    world.clock.sleep(3600)

    assert "qbo-sync worker" in ills(world)["workers"]


def test_webhooks_that_never_came_are_noticed_when_the_sweep_finds_what_they_should_have_told(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.webhooks_on = False
    world.wait(days=4)
    assert "webhooks of the ERP" not in ills(world)

    world.user.create_invoice(company_id=company, amount="10.00")
    world.wait(minutes=10)

    found = ills(world)
    assert "http://sync.test/webhooks/erp/" in found["webhooks of the ERP"]
    assert "webhooks of QuickBooks" not in found


def test_a_quota_that_is_nearly_used_up_is_noticed(world: World) -> None:
    with world.service.store.writing() as tx:
        tx.tallies.add_calls({("2026-03", "1", "metered", "answered"): 400_001})

    assert "of 500000 metered calls" in ills(world)["quota"]
