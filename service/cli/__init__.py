"""The command line, `qbo-sync`: the same engine as the web, for operators and programs."""

from service.cli.entry import main

__all__ = ["main"]
