"""One web application over an engine in memory."""

from __future__ import annotations

import pytest
from browsing import Caller
from fake_engine import FakeDesk, FakeFigures, FakeIntake
from flask import Flask

from service.web import create_app
from service.web.context import Engine, attach


@pytest.fixture(scope="session")
def app() -> Flask:
    """Made once, for it keeps nothing between requests; every test attaches an engine of its own."""
    return create_app(desk=FakeDesk(), intake=FakeIntake(), figures=FakeFigures(), public_url="https://sync.example")


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def intake() -> FakeIntake:
    return FakeIntake()


@pytest.fixture
def caller(app: Flask, desk: FakeDesk, intake: FakeIntake) -> Caller:
    """A stranger; `caller.as_(role)` has a token."""
    attach(app, Engine(desk, intake, FakeFigures()))
    return Caller(app)


@pytest.fixture
def support(caller: Caller) -> Caller:
    return caller.as_("support")
