"""`qbo-sync serve` over the engine in memory: `serving.py DATABASE_URL HEARD PORT` notes in HEARD what it did."""

from __future__ import annotations

import sys
from pathlib import Path

from fake_engine import ENVIRONMENT, FakeDispatcher, FakeService
from outside_fakes import FakeMigrations

from service.cli import main
from service.cli.outside import Outside
from service.settings import Settings


class NotingDispatcher(FakeDispatcher):
    """Writes down what it hears: the process that hears it is a fork of this one."""

    def __init__(self, heard: Path) -> None:
        super().__init__()
        self._file = heard

    def start(self) -> None:
        with self._file.open("a") as file:
            file.write("start\n")

    def stop(self, timeout_s: float) -> None:
        with self._file.open("a") as file:
            file.write("stop\n")


def serve(database_url: str, heard: str, port: str) -> None:
    """Until the process is told to end."""

    def build(settings: Settings) -> FakeService:
        service = FakeService(settings)
        service.dispatcher = NotingDispatcher(Path(heard))
        return service

    env = ENVIRONMENT | {"DATABASE_URL": database_url}
    main(["serve", "--port", port], obj=Outside(env=env, build=build, migrations=FakeMigrations()))


if __name__ == "__main__":
    serve(*sys.argv[1:])
