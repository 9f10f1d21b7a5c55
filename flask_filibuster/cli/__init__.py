"""The command line: ``flask filibuster …``."""

from __future__ import annotations

import click


class Commands(click.Group):
    """A group whose commands are imported on demand.

    Flask loads this module for each of its commands, ``flask run`` too.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands."""
        from flask_filibuster.cli.commands import COMMANDS

        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """A command by its name."""
        from flask_filibuster.cli.commands import COMMANDS

        return COMMANDS.get(cmd_name)


@click.command("filibuster", cls=Commands)
def filibuster() -> None:
    """Find out what the app does when the services that it calls fail."""
