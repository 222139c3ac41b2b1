"""What the documentation says is what the service says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.handbook.facts import problem_codes
from fixtures.handbook.pages import DOCS, PARTS, made
from fixtures.handbook.problems import handbook
from service.web.roles import RIGHTS

ROOT = DOCS.parent
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#([^)\s]+))?\)")


@pytest.mark.parametrize("page", PARTS)
def test_the_made_parts_of_a_page_are_as_the_code_is(page: str) -> None:
    """`make docs` makes them anew."""
    assert (DOCS / page).read_text(encoding="utf-8") == made(page)


def test_every_problem_that_can_be_has_a_section() -> None:
    sections = set(re.findall(r"^### (\w+)$", (DOCS / "for-support.md").read_text(encoding="utf-8"), re.MULTILINE))

    assert problem_codes() - sections == set()
    assert sections == set(handbook())
    assert all(cause and advice for cause, advice in handbook().values())


def test_every_endpoint_stands_in_the_page_with_whom_it_is_for() -> None:
    text = (DOCS / "for-erp-engineers.md").read_text(encoding="utf-8")

    for method, rule in RIGHTS:
        path = re.sub(r"<(\w+)>", r"{\1}", rule)
        assert f"### {method} {path}\n" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        where = page.parent / target
        assert where.exists(), target
        if anchor and where.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", where.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, anchor


def test_every_test_that_the_security_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "security.md").read_text(encoding="utf-8")))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in [path.stem, *re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))]
    }

    assert len(named) > 30
    assert named - written == set()
