"""The planted defects still fit the code; that the tests catch each of them is shown by `make mutants`."""

from __future__ import annotations

import ast

import pytest

from fixtures.mutants.catalogue import MUTANTS, ROOT


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_mutant_is_one_change_of_code_that_is_there(name: str) -> None:
    mutant = MUTANTS[name]
    sound = (ROOT / mutant.file).read_text(encoding="utf-8")

    planted = mutant.planted(sound)

    assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse(sound))


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= 24
