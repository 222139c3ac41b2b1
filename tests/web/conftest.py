"""One web application over an engine in memory."""

from __future__ import annotations

import pytest
from browsing import Caller
from fake_engine import FakeDesk, FakeIntake

from service.web import create_app


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def intake() -> FakeIntake:
    return FakeIntake()


@pytest.fixture
def caller(desk: FakeDesk, intake: FakeIntake) -> Caller:
    """A stranger; `caller.as_(role)` has a token."""
    app = create_app(desk=desk, intake=intake, public_url="https://sync.example")
    return Caller(app)


@pytest.fixture
def support(caller: Caller) -> Caller:
    return caller.as_("support")
