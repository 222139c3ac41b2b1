"""What this machine lacks: a test that needs it is skipped, but fails where CI=true: there nothing may pass unseen."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(sentence: str) -> NoReturn:
    """Leave this test, saying why."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{sentence} (and in CI nothing may be skipped)", pytrace=False)
    pytest.skip(sentence)
