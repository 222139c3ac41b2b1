"""Completion of commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_QBO_SYNC_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete qbo-sync.

    bash: eval "$(qbo-sync completion bash)"; zsh the same; fish: qbo-sync completion fish | source
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(context.find_root().command, {}, "qbo-sync", _VARIABLE).source())
