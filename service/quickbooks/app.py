"""Our app at Intuit: which environment, which keys, which address."""

from __future__ import annotations

from dataclasses import dataclass, field

_API_URLS = {
    "production": "https://quickbooks.api.intuit.com/v3",
    "sandbox": "https://sandbox-quickbooks.api.intuit.com/v3",
}


@dataclass(frozen=True)
class IntuitApp:
    """`environment` is `production`, `sandbox` or the URL of an OpenID discovery document (a simulator's).

    `api_url` goes up to and includes `/v3`; it may be left out for the two environments that Intuit runs.
    `timeout_s` bounds connecting and reading, each.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    environment: str = "sandbox"
    api_url: str | None = None
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if self.api_url is None and self.environment not in _API_URLS:
            raise ValueError("QBO_API_URL is needed where QBO_ENVIRONMENT is neither production nor sandbox")

    @property
    def base_url(self) -> str:
        """The accounting API, without a slash at the end."""
        return (self.api_url or _API_URLS[self.environment]).rstrip("/")
