"""What the commands meet outside, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fake_engine import FakeService

from service.cli.outside import Outside, Site
from service.settings import Settings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class FakeMigrations:
    """Tables that are behind until they are upgraded."""

    behind: bool = False
    upgraded: list[str] = field(default_factory=list)
    trouble: Exception | None = None

    def pending(self, url: str) -> bool:
        if self.trouble is not None:
            raise self.trouble
        return self.behind

    def upgrade(self, url: str) -> None:
        self.behind = False
        self.upgraded.append(url)


@dataclass
class World:
    """What a test may change before it types a command, and look at afterwards."""

    env: dict[str, str]
    service: FakeService
    migrations: FakeMigrations
    sites: dict[str, int | Exception] = field(default_factory=dict)
    their_clocks: dict[str, datetime] = field(default_factory=dict)
    now: datetime = NOON
    waited_s: float = 0.0
    demos: list[bool] = field(default_factory=list)
    while_working: Callable[[], None] = lambda: None

    def outside(self) -> Outside:
        """The world as the commands take it."""
        return Outside(
            env=self.env,
            build=self._build,
            migrations=self.migrations,
            demo=self._demo,
            visit=self._visit,
            now=lambda: self.now,
            pause=self._pause,
            wait_for_stop=lambda: self.while_working(),
        )

    def _build(self, settings: Settings) -> FakeService:
        self.service.settings = settings
        return self.service

    def _demo(self, once: bool) -> int:
        self.demos.append(once)
        return 0

    def _visit(self, url: str) -> Site:
        answer = self.sites.get(url, 200)
        if isinstance(answer, Exception):
            raise answer
        return Site(answer, self.their_clocks.get(url))

    def _pause(self, seconds: float) -> None:
        self.waited_s += seconds
