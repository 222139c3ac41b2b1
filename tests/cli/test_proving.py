"""Proof on the command line, over the real engine: tie-outs of the past, packs, and the audit's chain."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fake_engine import ENVIRONMENT
from outside_fakes import FakeMigrations
from sqlalchemy import text

from service.cli import main
from service.cli.outside import Outside
from tests.stories.world import World

Type = Callable[..., Result]


@pytest.fixture
def world() -> Iterator[World]:
    """Two syncs: an invoice of 100.00, and two hours later one of 40.00 that QuickBooks holds otherwise."""
    world = World()
    company, _ = world.linked_company("=Sunset")
    world.user.create_invoice(company, "100.00")
    world.settle()
    world.wait(hours=2)
    world.user.create_invoice(company, "40.00")
    world.settle()
    yield world
    world.close()


@pytest.fixture
def run(world: World) -> Type:
    outside = Outside(env=dict(ENVIRONMENT), build=lambda _: world.service, migrations=FakeMigrations())
    return lambda *words: CliRunner().invoke(main, words, obj=outside)


def test_a_tie_out_of_an_instant_is_what_the_last_sync_before_it_left(run: Type):
    now = json.loads(run("tie-out", "acc-1", "--json").stdout)
    then = json.loads(run("tie-out", "acc-1", "--json", "--as-of", "2026-03-02T19:00:00+01:00").stdout)

    assert (then["erp_total"], now["erp_total"]) == ("100.00", "140.00")
    assert then["as_of"].startswith("2026-03-02T17:")


def test_a_tie_out_of_a_day_goes_by_dates(run: Type):
    assert "ERP 0.00" in run("tie-out", "acc-1", "--as-of", "2026-03-01").stdout
    assert "ERP 140.00" in run("tie-out", "acc-1", "--as-of", "2026-03-02").stdout


def test_a_tie_out_as_csv_runs_nothing_in_a_spreadsheet(run: Type):
    [row] = csv.DictReader(io.StringIO(run("tie-out", "acc-1", "--csv").stdout))

    assert (row["name"], row["erp_ar"]) == ("'=Sunset", "140.00")


@pytest.mark.parametrize(
    "words",
    [
        ("tie-out", "acc-1", "--as-of", "yesterday"),
        ("tie-out", "acc-1", "--as-of", "2026-03-02T19:00:00"),
        ("tie-out", "acc-1", "--csv", "--json"),
        ("proof-pack", "acc-1"),
        ("proof-pack", "acc-1", "-o", "proof.pdf"),
        ("audit", "verify", "acc-1", "--expect", "last"),
        ("audit", "verify", "--expect", "1:abc"),
    ],
)
def test_wrong_usage_of_proofs_has_a_status_of_its_own(run: Type, words: tuple[str, ...]):
    assert run(*words).exit_code == 2


def test_before_the_first_sync_there_is_nothing_to_tell(run: Type):
    result = run("tie-out", "acc-1", "--as-of", "2020-01-01T00:00:00Z")

    assert result.exit_code == 1
    assert "No tie-out was kept" in result.stderr


def test_a_proof_pack_is_written_and_holds_page_figures_and_chain(run: Type, tmp_path: Path):
    result = run("proof-pack", "acc-1", "-o", str(tmp_path / "proof.zip"), "--json")

    assert result.exit_code == 0, result.output
    with zipfile.ZipFile(tmp_path / "proof.zip") as pack:
        names = set(pack.namelist())
        [company] = csv.DictReader(io.StringIO(pack.read("companies.csv").decode()))
        page = pack.read("proof.html").decode()
    assert {"proof.html", "companies.csv", "documents.csv", "audit.csv", "audit-chain.jsonl"} <= names
    assert (company["name"], company["erp_ar"], company["difference"]) == ("'=Sunset", "140.00", "0.00")
    assert "The books agree to the cent." in page
    assert json.loads(result.stdout)["audit"]["hash"] in page


def test_a_page_alone_carries_its_own_style(run: Type, tmp_path: Path):
    run("proof-pack", "acc-1", "-o", str(tmp_path / "proof.html"), "--since", "2026-03-01", "--until", "2026-03-02")

    page = (tmp_path / "proof.html").read_text()
    assert "<style>" in page
    assert "@page" in page
    assert "<link" not in page


def test_a_whole_audit_is_said_to_be_whole(run: Type, world: World):
    result = run("audit", "verify")
    chain = world.service.proofs.last_check("acc-1")[1]

    assert result.exit_code == 0
    assert result.stdout == f"acc-1: every row fits: {chain.rows}; the last is {chain.hash}\n"
    assert run("audit", "verify", "acc-1", "--expect", f"{chain.rows}:{chain.hash}").exit_code == 0


def test_a_row_that_was_tampered_with_is_named(run: Type, world: World):
    with world.service.store.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET why = 'nothing happened' WHERE seq = 2"))

    told = run("audit", "verify", "acc-1")
    for_a_program = run("audit", "verify", "acc-1", "--json")

    assert (told.exit_code, for_a_program.exit_code) == (1, 1)
    assert "Row 2 does not fit" in told.stdout
    [found] = json.loads(for_a_program.stdout)["data"]
    assert (found["fits"], found["rows"], found["broken_at"]) == (False, 1, 2)
