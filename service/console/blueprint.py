"""The one blueprint that every page of the console is put on."""

from __future__ import annotations

from flask import Blueprint

console = Blueprint(
    "console",
    "service.console",
    url_prefix="/console",
    static_folder="static",
    static_url_path="/static",
    template_folder="templates",
)
