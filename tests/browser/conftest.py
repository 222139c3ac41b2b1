"""The console in a real browser (Debian's Chromium), served over HTTP from this process."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from service.console import open_console
from service.web import create_app
from tests.lacking import lacking
from tests.stories.world import World

PASSWORD = "seven quiet ledgers wait"
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where Chromium is; on a new machine it is installed first. In CI nothing is skipped."""
    if shutil.which("chromium") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
            quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(command, check=False, capture_output=True, env=quiet)
    found = shutil.which("chromium")
    if found is None:
        lacking("Chromium is not installed: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def chromium(chromium_path: str) -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def world() -> Iterator[World]:
    """A connected account with two-way sync on."""
    world = World()
    yield world
    world.close()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """Where the console of this world is served."""
    service = world.service
    app = create_app(
        desk=service.desk, intake=service.intake, figures=service.figures, public_url=service.settings.public_url
    )
    open_console(app, service)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium: Chromium, address: str) -> Iterator[Page]:
    """A fresh browser window at 1280 × 800. Whatever the page's own policy forbids, or its scripts trip over, fails the
    test."""
    context = chromium.new_context(base_url=address, viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(10_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def signed_in(page: Page, world: World) -> Callable[[str], Page]:
    """`signed_in("support")`: the window of somebody of that role, at the list of connections."""

    def sign_in(role: str) -> Page:
        if all(known.name != role for known in world.service.people.list()):
            world.service.people.create(role, role, PASSWORD)
        page.goto("/console/sign-in")
        page.get_by_label("Name").fill(role)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/console/connections")
        return page

    return sign_in


@pytest.fixture
def axe() -> Callable[[Page], list[dict[str, Any]]]:
    """`assert axe(page) == []`: what axe-core finds seriously wrong for keyboards and screen readers."""

    def faults(page: Page) -> list[dict[str, Any]]:
        found = Axe().run(page).response["violations"]
        return [
            {"rule": each["id"], "help": each["help"], "where": [node["html"] for node in each["nodes"]][:3]}
            for each in found
            if each["impact"] in SERIOUS
        ]

    return faults
