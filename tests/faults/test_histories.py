"""Random histories against the real engine: whatever two books and a bad day do, nothing is made twice, nothing lost.

A failing seed is played again, cut to its shortest form and told in words: `python -m fixtures.simulation --seed N`.
"""

from __future__ import annotations

import pytest

from fixtures.simulation.history import TROUBLE, history_of
from fixtures.simulation.play import play
from fixtures.simulation.shrink import shrink
from fixtures.simulation.telling import story_of

SEEDS = (1, 4, 8, 9, 10, 15, 17, 20)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_ends_with_both_books_in_step_or_with_a_named_problem(seed: int) -> None:
    outcome = play(history_of(seed))

    assert not outcome.violations, story_of(shrink(outcome))


def test_the_same_seed_is_the_same_history() -> None:
    """A failure can be played again, in another process and on another day."""
    first, second = play(history_of(1)), play(history_of(1))

    assert first.story == second.story
    assert first.codes == second.codes


def test_a_seed_decides_its_steps_and_their_number_is_bounded() -> None:
    for seed in range(50):
        history = history_of(seed)

        assert history == history_of(seed)
        assert 40 <= len(history.steps) <= 123
        assert sum(step.side in TROUBLE for step in history.steps) >= 3
