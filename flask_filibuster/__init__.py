"""What does a Flask service do when the services that it calls fail?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask_filibuster._version import __version__ as __version__

if TYPE_CHECKING:
    from flask_filibuster.core.fault import Fault as Fault
    from flask_filibuster.errors import FilibusterError as FilibusterError
    from flask_filibuster.errors import FilibusterWarning as FilibusterWarning
    from flask_filibuster.exploring.explore import explore as explore
    from flask_filibuster.exploring.explore import replay as replay
    from flask_filibuster.extension import Filibuster as Filibuster
    from flask_filibuster.faultmodel.model import FaultModel as FaultModel
    from flask_filibuster.faultmodel.selection import FaultsOf as FaultsOf
    from flask_filibuster.instrumentation.asking import was_fault_injected as was_fault_injected
    from flask_filibuster.instrumentation.asking import (
        was_fault_injected_on as was_fault_injected_on,
    )
    from flask_filibuster.instrumentation.clients.requests.adapter import (
        FilibusterAdapter as FilibusterAdapter,
    )
    from flask_filibuster.instrumentation.clients.requests.adapter import (
        instrument_requests as instrument_requests,
    )
    from flask_filibuster.mesh.stub import stub as stub
    from flask_filibuster.results.counterexample import Counterexample as Counterexample
    from flask_filibuster.results.oracles.base import Oracle as Oracle
    from flask_filibuster.results.oracles.base import Sighting as Sighting
    from flask_filibuster.results.result import ExplorationFailedError as ExplorationFailedError
    from flask_filibuster.results.result import Result as Result

_HOMES = {
    "Counterexample": "results.counterexample",
    "ExplorationFailedError": "results.result",
    "Fault": "core.fault",
    "FaultModel": "faultmodel.model",
    "FaultsOf": "faultmodel.selection",
    "Filibuster": "extension",
    "FilibusterAdapter": "instrumentation.clients.requests.adapter",
    "FilibusterError": "errors",
    "FilibusterWarning": "errors",
    "Oracle": "results.oracles.base",
    "Result": "results.result",
    "Sighting": "results.oracles.base",
    "explore": "exploring.explore",
    "instrument_requests": "instrumentation.clients.requests.adapter",
    "replay": "exploring.explore",
    "stub": "mesh.stub",
    "was_fault_injected": "instrumentation.asking",
    "was_fault_injected_on": "instrumentation.asking",
}

__all__ = list(_HOMES)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def __getattr__(name: str) -> Any:
    # Lazily, so that the pytest plugin does not make every test suite import Flask and requests.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
