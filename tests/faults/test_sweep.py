"""The gravest faults at every write, call and commit of the canonical flows; the rest is played by `make sweep`."""

from __future__ import annotations

import pytest

from fixtures.sweep.faults import FAULTS, faults_on
from fixtures.sweep.flows import FLOWS
from fixtures.sweep.play import as_it_goes, sweep, told


@pytest.mark.parametrize("flow", sorted(FLOWS))
def test_a_flow_survives_the_gravest_faults_wherever_they_strike(flow: str) -> None:
    failures = [
        told(position, effects, outcome)
        for position, effects, outcome in sweep(flow, grave_only=True)
        if outcome.violations
    ]

    assert not failures, "\n".join(failures)


def test_the_same_flow_has_the_same_effects_each_time() -> None:
    """A position means the same thing tomorrow."""
    first, second = as_it_goes("credit_used"), as_it_goes("credit_used")

    assert first.effects == second.effects
    assert first.books == second.books


def test_every_kind_of_effect_is_met_and_every_fault_has_its_place() -> None:
    met = {effect for name in ("credit_changed", "token_rotated") for effect in as_it_goes(name).effects}

    assert {fault.name for effect in met for fault in faults_on(effect)} == set(FAULTS)
