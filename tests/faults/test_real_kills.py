"""Real processes are killed while people work; the long torture, on PostgreSQL too, is `make torture`."""

from __future__ import annotations

from fixtures.torture.play import on_sqlite, torture


def test_a_service_on_sqlite_that_is_killed_again_and_again_ends_with_both_books_in_step() -> None:
    report = torture(on_sqlite(seconds=8, seed=1, accounts=2))

    assert report.kills >= 1, report.told()
    assert not report.violations, report.told()
