"""Random histories against the real engine: whatever two books and a bad day do, nothing is made twice, nothing lost.

A failing history is cut to its shortest form and told in words, with the command that plays it again.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from fixtures.simulation.history import TROUBLE, history_of
from fixtures.simulation.play import play

HISTORIES, FIRST = 120, 2001
"""As many as fit into the tests of every change; `make simulate N=10000 SEED=…` plays more."""
CHUNK = 60


@pytest.mark.parametrize("first", range(FIRST, FIRST + HISTORIES, CHUNK))
def test_histories_end_with_both_books_in_step_or_with_a_named_problem(first: int) -> None:
    """In processes of their own: a copy of this one would be a copy of its threads, too."""
    command = [sys.executable, "-m", "fixtures.simulation", "--histories", str(CHUNK), "--seed", str(first)]

    played = subprocess.run(command, capture_output=True, text=True, check=False)

    assert played.returncode == 0, f"{played.stdout}\n{played.stderr[-2000:]}"


def test_the_same_seed_is_the_same_history() -> None:
    """A failure can be played again, in another process and on another day."""
    first, second = play(history_of(1)), play(history_of(1))

    assert first.story == second.story
    assert first.codes == second.codes
    assert first.calls == second.calls


def test_a_seed_decides_its_steps_and_their_number_is_bounded() -> None:
    for seed in range(50):
        history = history_of(seed)

        assert history == history_of(seed)
        assert 40 <= len(history.steps) <= 125
        assert sum(step.side in TROUBLE for step in history.steps) >= 3
