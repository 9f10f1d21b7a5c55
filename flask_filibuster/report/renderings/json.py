"""The report as JSON; see :mod:`flask_filibuster.report.data` for its fields and versions."""

from __future__ import annotations

import json

from flask_filibuster.report.data import document_data
from flask_filibuster.report.document import Document


def render(document: Document) -> str:
    """The report."""
    return json.dumps(document_data(document), indent=2)
