"""The command line: ``flask filibuster …``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

# Flask loads this module for each of its commands, "flask run" too: what a command of ours needs
# is imported when it is used.
_COMMANDS: Mapping[str, str] = {
    "analyze": "flask_filibuster.cli.analyze",
    "explore": "flask_filibuster.cli.explore",
    "replay": "flask_filibuster.cli.replay",
    "serve": "flask_filibuster.cli.serve",
    "status": "flask_filibuster.cli.status",
    "test": "flask_filibuster.cli.command_test",
}


class Commands(click.Group):
    """A group whose commands are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """A command by its name."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name]).command
        return command


@click.command("filibuster", cls=Commands)
def filibuster() -> None:
    """Find out what the app does when the services that it calls fail."""
