"""A failing history is told in its shortest form."""

from __future__ import annotations

from fixtures.simulation.history import History, Step
from fixtures.simulation.play import Outcome
from fixtures.simulation.shrink import shrink

STEPS = tuple(Step("around", "workers_look", seed) for seed in range(50))
CULPRITS = {7, 31}


def _run(history: History) -> Outcome:
    """Fails where both culprits are left, and only while QuickBooks stands elsewhere with its CDC."""
    is_broken = {step.seed for step in history.steps} >= CULPRITS and "cdc_lag_s" in history.switches
    return Outcome(history, violations=["made twice: a memo"] if is_broken else ["something else: less grave"])


def test_only_the_steps_and_switches_that_break_the_law_are_left() -> None:
    history = History(1, two_way=True, switches={"cdc_lag_s": 5, "overpaid_line": "clamp"}, steps=STEPS)

    shortest = shrink(_run(history), _run).history

    assert {step.seed for step in shortest.steps} == CULPRITS
    assert shortest.switches == {"cdc_lag_s": 5}
