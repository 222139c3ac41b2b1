"""The rules of the house that no type checker knows: who may import whom, and what no tracked file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mappings", "service", "fixtures")

ARROWS: dict[str, set[str]] = {
    "mappings": set(),
    "service": set(),
    "service.errors": set(),
    "service.logs": set(),
    "service.settings": set(),
    "service.tracing": set(),
    "service.ports": {"service.errors"},
    "service.engine": {"mappings", "service.ports", "service.errors"},
    "service.quickbooks": {"service.ports", "service.errors"},
    "service.erp": {"service.ports", "service.errors"},
    "service.store": {"service", "service.ports", "service.errors"},
    "service.dispatch": {"service.ports"},
    "service.health": {"service.ports", "service.settings", "service.store"},
    "service.web": {"service.ports", "service.errors", "service.settings"},
    "service.console": {"service.engine", "service.ports", "service.errors", "service.settings", "service.web"},
    "service.passwords": set(),
    "service.cli": {
        "service.bootstrap", "service.console", "service.dispatch", "service.engine", "service.errors", "service.logs",
        "service.ports", "service.settings", "service.store", "service.tracing", "service.web", "fixtures.demo",
    },
    "service.bootstrap": {
        "service.dispatch", "service.engine", "service.erp", "service.health", "service.logs", "service.passwords",
        "service.ports", "service.quickbooks", "service.settings", "service.store",
    },
    "fixtures": set(),
    "fixtures.simulators": set(),
    "fixtures.demo": set(),
    "fixtures.bench": {
        "service.bootstrap", "service.console", "service.settings", "service.store", "service.web",
        "fixtures.demo", "fixtures.simulation", "fixtures.simulators",
    },
    "fixtures.screenshots": {
        "service.console", "service.logs", "service.web", "fixtures.simulation", "fixtures.simulators",
    },
    "fixtures.handbook": {"service.engine", "service.errors", "service.quickbooks", "service.web"},
    "fixtures.mutants": set(),
    "fixtures.torture": {"fixtures", "fixtures.demo"},
    "fixtures.sweep": {"fixtures", "service.bootstrap", "service.logs", "fixtures.simulation", "fixtures.simulators"},
    "fixtures.simulation": {
        "fixtures", "service.bootstrap", "service.errors", "service.logs", "service.settings", "fixtures.simulators",
    },
}  # fmt: skip
"""Each room and the rooms of ours that it may import. `web` and `cli` get the engine handed in, through a protocol;
what judges the product (simulators, demo, simulation) shares none of its translation."""

CONFINED = {
    "quickbooks": {"service.quickbooks"},
    "intuitlib": {"service.quickbooks"},
    "apscheduler": {"service.dispatch"},
    "procrastinate": {"service.dispatch"},
    "psycopg": {"service.dispatch", "fixtures.bench"},
    "alembic": {"service.store"},
    "opentelemetry": {"service.tracing"},
    "flask": {"service.web", "service.console", "fixtures.simulators", "fixtures.bench"},
    "authlib": {"service.console"},
    "pwdlib": {"service.passwords"},
    "sqlalchemy": {
        "service.store", "service.settings", "service.health", "service.cli", "fixtures.bench", "fixtures.simulation",
        "fixtures.sweep",
    },
    "requests": {
        "service.quickbooks", "service.erp", "service.bootstrap", "service.cli", "service.console",
        "fixtures.simulators", "fixtures.demo", "fixtures.simulation", "fixtures.bench", "fixtures.sweep",
        "fixtures.torture",
    },
}  # fmt: skip
"""Packages that only some rooms may know."""

NOT_IN_ANY_FILE = {
    "a package registry's host": re.compile(r"pypi\.org|python[h]osted|registry\.npmjs|deb\.debian"),
    "a path of one machine": re.compile(r"/(?:work|root|farm|home|Users)/[a-z.]"),
}


def room_of(module: str) -> str:
    """The longest known room that a module is in."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in ARROWS), module)


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, as an absolute name."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def floats_in(tree: ast.AST) -> Iterator[int]:
    """Lines with a float literal, or with the name, but for the second argument of `isinstance`."""
    refusals = {
        id(named)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
        for named in ast.walk(node.args[1])
    }
    for node in ast.walk(tree):
        is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        is_name = isinstance(node, ast.Name) and node.id == "float" and id(node) not in refusals
        if is_literal or is_name:
            yield node.lineno  # type: ignore[attr-defined]


def modules() -> list[tuple[str, Path]]:
    """(room, file) of all our code."""
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [(room_of(".".join(path.relative_to(ROOT).with_suffix("").parts)), path) for path in files]


def tracked_files() -> list[Path]:
    """What git has, or would take; all the files where there is no git."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [
            str(path.relative_to(ROOT)) for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.*")
        ]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("room", sorted(ARROWS))
def test_a_room_imports_only_the_rooms_its_arrows_lead_to(room: str):
    ours = [(path, name) for owner, path in modules() if owner == room for name in imports_of(path)]

    reached = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path, name in ours
        if name.split(".")[0] in PACKAGES and room_of(name) not in {room, *ARROWS[room]}
    }

    assert reached == set()


def test_the_mappings_use_the_standard_library_alone():
    used = {name.split(".")[0] for room, path in modules() if room == "mappings" for name in imports_of(path)}

    assert used - set(sys.stdlib_module_names) <= {"mappings"}


@pytest.mark.parametrize("package", sorted(CONFINED))
def test_a_package_is_known_only_where_it_belongs(package: str):
    rooms = {room for room, path in modules() for name in imports_of(path) if name.split(".")[0] == package}

    assert rooms <= CONFINED[package]


def test_the_two_simulators_do_not_know_each_other():
    seen = {
        str(path.relative_to(ROOT))
        for side, other in (("quickbooks", "erp"), ("erp", "quickbooks"))
        for path in (ROOT / "fixtures/simulators" / side).rglob("*.py")
        if any(name.startswith(f"fixtures.simulators.{other}") for name in imports_of(path))
    }

    assert seen == set()


def test_no_float_stands_in_the_mappings():
    """Money is integer cents there; a float is the beginning of a lost cent. Only to refuse one may it be named."""
    floats = {
        f"{path.relative_to(ROOT)}:{line}"
        for room, path in modules()
        if room == "mappings"
        for line in floats_in(ast.parse(path.read_text(encoding="utf-8")))
    }

    assert floats == set()


@pytest.mark.parametrize("what", sorted(NOT_IN_ANY_FILE))
def test_no_tracked_file_names(what: str):
    pattern = NOT_IN_ANY_FILE[what]
    found = {
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    }

    assert found == set()
