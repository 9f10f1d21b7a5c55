"""Small fault models that many tests use."""

from __future__ import annotations

from flask_filibuster import FaultModel

NO_FAULTS = FaultModel(exceptions=(), default_statuses=())
REFUSALS = FaultModel(exceptions=("ConnectionError",), default_statuses=())
