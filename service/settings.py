"""What the environment says, read once at the start and checked as a whole."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

Role = Literal["erp", "viewer", "support", "admin"]
ROLES: tuple[Role, ...] = ("erp", "viewer", "support", "admin")

_INTUITS_OWN = ("production", "sandbox")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class BadSettings(Exception):
    """The service cannot start as it is set up. The text is one line that names the variables, never their values."""


def _split(value: object) -> object:
    """The parts of a comma-separated list; blanks between them mean nothing."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _split_api_tokens(value: object) -> object:
    """`role:token`, comma-separated, as pairs."""
    parts = _split(value)
    if not isinstance(parts, tuple):
        return value
    pairs = tuple(tuple(part.partition(":")[::2]) if isinstance(part, str) else part for part in parts)
    if any(role not in ROLES or not token for role, token in pairs):
        raise ValueError(f"must be role:token, comma-separated; the roles are {', '.join(ROLES)}")
    return pairs


def _http_url(value: str) -> str:
    """An absolute address without a slash at the end."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) and not parts.username
    except ValueError:
        usable = None
    if not usable or parts.query or parts.fragment or _CONTROL.search(value):
        raise ValueError("must be an address that starts with http:// or https://, without user, query or fragment")
    return value.rstrip("/")


def _environment(value: str) -> str:
    try:
        return value if value in _INTUITS_OWN else _http_url(value)
    except ValueError:
        raise ValueError("must be production, sandbox or the address of a discovery document") from None


def _database_url(value: SecretStr) -> SecretStr:
    """Held as a secret: a PostgreSQL address carries its password."""
    try:
        driver = make_url(value.get_secret_value()).drivername
    except (ArgumentError, ValueError):
        driver = ""
    if driver not in ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError("must be sqlite:///… or postgresql+psycopg://…")
    return value


def _fernet_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for key in keys:
        try:
            Fernet(key.get_secret_value())
        except ValueError:
            raise ValueError("must be Fernet keys, comma-separated (32 bytes in url-safe base64 each)") from None
    return keys


Url = Annotated[str, AfterValidator(_http_url)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]
FernetKeys = Annotated[Secrets, AfterValidator(_fernet_keys)]
ApiTokens = Annotated[tuple[tuple[Role, SecretStr], ...], NoDecode, BeforeValidator(_split_api_tokens)]


class Settings(BaseSettings):
    """The environment table of the contract; each field is the variable of its name in lower case."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: Annotated[SecretStr, AfterValidator(_database_url)] = SecretStr("sqlite:///var/qbo-sync.db")
    public_url: Url = "http://127.0.0.1:8000"
    qbo_environment: Annotated[str, AfterValidator(_environment)] = "sandbox"
    qbo_api_url: Url | None = None
    qbo_client_id: str
    qbo_client_secret: SecretStr
    qbo_webhook_verifier_token: SecretStr
    qbo_monthly_quota: Annotated[int, Field(gt=0)] = 500_000
    qbo_timeout: Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)] = 30.0
    erp_api_url: Url
    erp_max_rps: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 2.0
    erp_webhook_secret: Secrets
    encryption_keys: FernetKeys
    secret_key: SecretStr
    api_tokens: ApiTokens = ()
    oidc_issuer: Url | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_role_claim: str = "role"
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    reconcile_interval: Annotated[int, Field(gt=0)] = 300
    workers: Literal["embedded", "external"] = "embedded"
    worker_threads: Annotated[int, Field(gt=0, le=100)] = 8
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in counts, so that a test's settings are the test's own; see `load_settings`."""
        return (init_settings,)

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.qbo_api_url is None and self.qbo_environment not in _INTUITS_OWN:
            raise ValueError("QBO_API_URL is missing (QBO_ENVIRONMENT is the address of a discovery document)")
        if self.workers == "external" and self.on_sqlite:
            raise ValueError("WORKERS must be embedded on SQLite; external workers need PostgreSQL in DATABASE_URL")
        oidc = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret)
        if any(oidc) and not all(oidc):
            raise ValueError("OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET belong together: set all or none")
        return self

    @property
    def on_sqlite(self) -> bool:
        return make_url(self.database_url.get_secret_value()).get_backend_name() == "sqlite"

    @property
    def database_file(self) -> Path | None:
        """Where SQLite keeps its file; None for a database in memory and for PostgreSQL."""
        name = make_url(self.database_url.get_secret_value()).database
        return Path(name) if self.on_sqlite and name and name != ":memory:" else None

    @property
    def redirect_uri(self) -> str:
        """Where Intuit sends a person back to after consent."""
        return f"{self.public_url}/oauth/quickbooks/callback"


def conninfo(url: str) -> str:
    """A PostgreSQL database as its own library wants it named; it holds the password."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def load_settings(env: Mapping[str, str], *, demo: bool = False) -> Settings:
    """The settings of these variables. The demo makes up the two keys that only have to outlive itself.

    `SECRET_KEY_FILE` names a file that holds `SECRET_KEY`, and so for each; the variable itself wins.
    Raises: `BadSettings`, naming everything that is missing or malformed at once.
    """
    given = {name.lower(): value for name, value in env.items() if value}
    given = {name: _text_of(f"{name}_file", given) for name in Settings.model_fields if f"{name}_file" in given} | given
    if demo:
        made_up = {"encryption_keys": Fernet.generate_key().decode(), "secret_key": secrets.token_urlsafe(32)}
        given = made_up | given
    source = EnvSettingsSource(Settings)
    source.env_vars = given
    try:
        return Settings(**source())
    except ValidationError as error:
        raise BadSettings(_in_one_line(error)) from None


def _text_of(variable: str, given: Mapping[str, str]) -> str:
    try:
        return Path(given[variable]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadSettings(f"{variable.upper()} names a file that cannot be read ({type(error).__name__})") from None


def _in_one_line(error: ValidationError) -> str:
    return "; ".join(dict.fromkeys(_sentence(found["loc"], found["type"], found["msg"]) for found in error.errors()))


def _sentence(where: tuple[int | str, ...], kind: str, message: str) -> str:
    text = message.removeprefix("Value error, ").replace("\n", " ")
    if not where:
        return text
    name = str(where[0]).upper()
    return f"{name} is missing" if kind == "missing" else f"{name} is malformed: {text}"
