"""Whether the running code is explored: the only state that an idle app needs.

The rest of the propagation state is in ``frames``, which only explorations import.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

FRAME_KEY = "flask_filibuster.frame"
"""Where the WSGI environment of an explored request keeps its frame."""

scope: ContextVar[Any] = ContextVar("flask_filibuster_scope", default=None)
"""The :class:`~flask_filibuster.instrumentation.frames.Scope` of the running code, or ``None``."""
