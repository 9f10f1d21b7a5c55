"""Prints the report of an exploration on stdout."""

from __future__ import annotations

import os

import click

from flask_filibuster.report.document import Document
from flask_filibuster.report.renderings import RENDERINGS, text


def print_report(document: Document, rendering: str = "text") -> None:
    """Print a report.

    :param document: the report.
    :param rendering: name of the rendering.
    """
    if rendering == "text":
        # Where stdout is no terminal, click takes the colours out.
        click.echo(text.render(document, colour=not os.environ.get("NO_COLOR")))
    else:
        click.echo(RENDERINGS[rendering](document))
