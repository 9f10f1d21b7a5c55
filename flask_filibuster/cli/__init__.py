"""The command line: ``flask filibuster …``."""

from __future__ import annotations

import click

from flask_filibuster.cli.explore import explore_command
from flask_filibuster.cli.replay import replay_command
from flask_filibuster.cli.status import status_command


@click.group("filibuster")
def filibuster() -> None:
    """Find out what the app does when the services that it calls fail."""


filibuster.add_command(status_command)
filibuster.add_command(explore_command)
filibuster.add_command(replay_command)
