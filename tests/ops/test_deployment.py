"""The files that a deployment is made of say what the service understands."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from service.cli import main
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OURS = ("migrate", "web", "worker")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text()))


def test_the_compose_file_is_one(compose: dict[str, Any]) -> None:
    """By the schema of the Compose specification, as check-jsonschema ships it."""
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())

    jsonschema.validate(compose, schema)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_run_as_nobody_and_write_nowhere(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]

    assert service["user"] == "10001:10001"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["command"][0] in main.commands  # type: ignore[attr-defined]


def test_web_and_worker_are_there_twice_and_come_back(compose: dict[str, Any]) -> None:
    for name in ("web", "worker"):
        service = compose["services"][name]
        assert service["deploy"]["replicas"] == 2
        assert service["restart"] == "always"
        assert service["healthcheck"]["test"]
        assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert service["environment"]["WORKERS"] == "external"


def test_every_secret_is_a_file_and_every_variable_a_setting(compose: dict[str, Any]) -> None:
    fields = Settings.model_fields
    environment = compose["services"]["web"]["environment"]
    variables = {name.removesuffix("_FILE").lower() for name in environment} - {"otel_exporter_otlp_endpoint"}
    secret = {name for name, field in fields.items() if "Secret" in str(field)}

    assert variables <= set(fields)
    assert {name.lower() for name in environment if not name.endswith("_FILE")} & secret == set()
    assert {f"/run/secrets/{name}" for name in compose["services"]["web"]["secrets"]} == {
        value for name, value in environment.items() if name.endswith("_FILE")
    }
    assert {each["file"] for each in compose["secrets"].values()} == {
        f"./secrets/{name}" for name in compose["secrets"]
    }


def test_the_image_runs_as_a_number_and_is_asked_for_its_health() -> None:
    text = (ROOT / "Dockerfile").read_text()

    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    assert 'ENTRYPOINT ["qbo-sync"]' in text


def test_the_table_of_settings_is_whole_and_its_defaults_are_true() -> None:
    """docs/operations.md, row by row."""
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|.*\| (.+) \|$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    told = {name.lower(): default for names, default in rows for name in re.findall(r"[A-Z_]+", names)}

    assert set(told) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert (told[name] == "required") == field.is_required(), name
    assert told["qbo_monthly_quota"] == f"`{Settings.model_fields['qbo_monthly_quota'].default}`"
    assert told["reconcile_interval"] == f"`{Settings.model_fields['reconcile_interval'].default}`"
