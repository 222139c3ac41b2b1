"""What the environment may say, and the one line that says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_engine import ENVIRONMENT, FERNET_KEY

from service.settings import BadSettings, Settings, load_settings


def _load(**env: str) -> Settings:
    return load_settings(ENVIRONMENT | env)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("public_url", "http://127.0.0.1:8000"),
        ("qbo_environment", "sandbox"),
        ("qbo_api_url", None),
        ("qbo_timeout", 30),
        ("erp_max_rps", 2),
        ("reconcile_interval", 300),
        ("workers", "embedded"),
        ("log_format", "json"),
        ("log_level", "INFO"),
        ("api_tokens", ()),
    ],
)
def test_what_is_not_set_has_the_contracts_default(name: str, default: object) -> None:
    assert getattr(_load(), name) == default


def test_the_database_is_a_file_of_its_own_unless_set() -> None:
    without = {name: value for name, value in ENVIRONMENT.items() if name != "DATABASE_URL"}

    settings = load_settings(without)

    assert settings.on_sqlite
    assert str(settings.database_file) == "var/qbo-sync.db"


def test_lists_are_read_in_their_order() -> None:
    settings = _load(ERP_WEBHOOK_SECRET="new, old,", API_TOKENS="erp:abc,admin:d:e")

    assert [secret.get_secret_value() for secret in settings.erp_webhook_secret] == ["new", "old"]
    assert [(role, token.get_secret_value()) for role, token in settings.api_tokens] == [
        ("erp", "abc"),
        ("admin", "d:e"),
    ]


def test_addresses_lose_the_slash_at_their_end() -> None:
    settings = _load(PUBLIC_URL="https://sync.example/", ERP_API_URL="http://erp.example:4000/api/")

    assert settings.erp_api_url == "http://erp.example:4000/api"
    assert settings.redirect_uri == "https://sync.example/oauth/quickbooks/callback"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert _load(LOG_LEVEL="").log_level == "INFO"


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT if name != "DATABASE_URL"])
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(BadSettings, match=f"^{name} is missing$"):
        _load(**{name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://user:hunter2@host/db"),
        ("DATABASE_URL", "hunter2"),
        ("PUBLIC_URL", "sync.example/hunter2"),
        ("QBO_ENVIRONMENT", "hunter2"),
        ("QBO_API_URL", "ftp://hunter2"),
        ("QBO_TIMEOUT", "hunter2"),
        ("QBO_TIMEOUT", "0"),
        ("QBO_TIMEOUT", "nan"),
        ("ERP_API_URL", "https://user:hunter2@erp.example"),
        ("ERP_API_URL", "http://[hunter2"),
        ("ERP_MAX_RPS", "-1"),
        ("ERP_WEBHOOK_SECRET", ","),
        ("ENCRYPTION_KEYS", "hunter2"),
        ("ENCRYPTION_KEYS", f"{FERNET_KEY},hunter2"),
        ("API_TOKENS", "boss:hunter2"),
        ("API_TOKENS", "hunter2"),
        ("API_TOKENS", "erp:"),
        ("RECONCILE_INTERVAL", "2.5"),
        ("RECONCILE_INTERVAL", "0"),
        ("WORKERS", "hunter2"),
        ("LOG_FORMAT", "hunter2"),
        ("LOG_LEVEL", "hunter2"),
    ],
)
def test_a_malformed_setting_is_named_in_one_line_and_never_shown(name: str, value: str) -> None:
    with pytest.raises(BadSettings) as refused:
        _load(**{name: value})

    text = str(refused.value)
    assert text.startswith(f"{name} is malformed")
    assert "\n" not in text
    assert "hunter2" not in text


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        load_settings({"QBO_TIMEOUT": "soon"})

    assert all(name in str(refused.value) for name in ("QBO_CLIENT_ID", "QBO_TIMEOUT", "ENCRYPTION_KEYS"))


def test_external_workers_need_postgresql() -> None:
    with pytest.raises(BadSettings, match="WORKERS"):
        _load(WORKERS="external")

    on_postgresql = _load(WORKERS="external", DATABASE_URL="postgresql+psycopg://db.example/sync")
    assert on_postgresql.workers == "external"


def test_a_simulators_discovery_document_needs_its_api_beside_it() -> None:
    discovery = "http://127.0.0.1:9000/.well-known/openid"

    with pytest.raises(BadSettings, match="QBO_API_URL"):
        _load(QBO_ENVIRONMENT=discovery)

    assert _load(QBO_ENVIRONMENT=discovery, QBO_API_URL="http://127.0.0.1:9000/v3").qbo_environment == discovery


def test_a_secret_may_stand_in_a_file_and_a_variable_of_its_own_wins(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")

    from_file = _load(SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "key"))
    both = _load(SECRET_KEY="itself", SECRET_KEY_FILE=str(tmp_path / "key"))

    assert from_file.secret_key.get_secret_value() == "from-a-file"
    assert both.secret_key.get_secret_value() == "itself"


def test_a_file_that_is_not_there_is_named_by_its_variable(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"^SECRET_KEY_FILE names a file that cannot be read \(FileNotFoundError\)$"):
        _load(SECRET_KEY_FILE=str(tmp_path / "nothing"))


def test_the_demo_makes_up_its_keys_and_nothing_else() -> None:
    without: dict[str, Any] = {
        name: value for name, value in ENVIRONMENT.items() if name not in ("ENCRYPTION_KEYS", "SECRET_KEY")
    }

    settings = load_settings(without, demo=True)

    assert settings.encryption_keys
    assert settings.secret_key.get_secret_value()
    with pytest.raises(BadSettings, match=r"^QBO_CLIENT_ID is missing$"):
        load_settings(without | {"QBO_CLIENT_ID": ""}, demo=True)


def test_no_secret_is_shown_with_the_settings() -> None:
    shown = repr(_load(API_TOKENS="erp:hunter2", DATABASE_URL="postgresql+psycopg://u:hunter2@db.example/sync"))

    assert not any(secret in shown for secret in ("hunter2", "client-secret", "intuits-key", "erp-secret", FERNET_KEY))
