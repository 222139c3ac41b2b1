"""The planted defects still fit the code; that the tests catch each of them is shown by `make mutants`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fixtures.mutants.catalogue import MUTANTS, ROOT
from fixtures.mutants.planting import NotJudged, first_failure


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_mutant_is_one_change_of_code_that_is_there(name: str) -> None:
    mutant = MUTANTS[name]
    sound = (ROOT / mutant.file).read_text(encoding="utf-8")

    planted = mutant.planted(sound)

    assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse(sound))


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= 24


@pytest.mark.parametrize(("says", "caught_by"), [("True", None), ("False", "test_one.py::test_it")])
def test_a_mutant_is_caught_where_a_test_fails(tmp_path: Path, says: str, caught_by: str | None) -> None:
    (tmp_path / "test_one.py").write_text(f"def test_it():\n    assert {says}\n")

    assert first_failure(tmp_path, ["test_one.py"]) == caught_by


@pytest.mark.parametrize("text", ["", "import what_is_not_there"])
def test_a_mutant_is_not_caught_by_tests_that_do_not_run(tmp_path: Path, text: str) -> None:
    """Nothing was collected, or the collection failed: that says nothing of the defect."""
    (tmp_path / "test_one.py").write_text(text)

    with pytest.raises(NotJudged):
        first_failure(tmp_path, ["test_one.py"])


def test_a_mutant_is_not_caught_by_tests_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotJudged):
        first_failure(tmp_path, ["test_gone.py"])
