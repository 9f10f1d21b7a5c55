"""Counterexamples: one failing test execution, as a file from which it can be run again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.faults import Fault
from flask_filibuster.core.trace import CallSite, Invocation
from flask_filibuster.errors import CounterexampleError, FaultModelError

VERSION = 1
DIRECTORY = ".filibuster"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """What has to fail, in which test, for a bug to show.

    :ivar test: name of the test, or the command, in words.
    :ivar fault_set: the faults.
    :ivar seen: what went wrong, in words.
    :ivar details: what else is needed to run it again, as plain data.
    """

    test: str
    fault_set: FaultSet
    seen: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def write(self, directory: str | os.PathLike[str] = DIRECTORY) -> Path:
        """Write it to a file whose name depends on the test and its faults alone.

        :returns: path of the file, below ``directory``, which is made if need be.
        :raises OSError: it cannot be written.
        """
        faults = [_to_json(planned) for planned in self.fault_set]
        identity = [self.test, *((each["execution_index"], each["fault"]) for each in faults)]
        name = hashlib.md5(json.dumps(identity).encode(), usedforsecurity=False).hexdigest()[:10]
        path = Path(directory) / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "version": VERSION,
            "test": self.test,
            "seen": self.seen,
            "faults": faults,
            "details": dict(self.details),
        }
        # Several test processes may write the same one at the same time.
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
        return path

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Counterexample:
        """Read a file that :meth:`write` has written.

        :raises CounterexampleError: it cannot be read, or is no counterexample of this version.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CounterexampleError(f"cannot read the counterexample {path}: {error}") from error
        version = content.get("version") if isinstance(content, dict) else None
        if version != VERSION:
            raise CounterexampleError(
                f"{path} is not a counterexample that this version can replay "
                f"(its version is {version!r}, expected {VERSION})"
            )
        try:
            faults = tuple(_from_json(each) for each in content["faults"])
            details = dict(content["details"])
            return cls(str(content["test"]), FaultSet(faults), str(content["seen"]), details)
        except (KeyError, TypeError, ValueError, AttributeError, FaultModelError) as error:
            raise CounterexampleError(f"{path} is damaged: {error!r}") from error


def _to_json(planned: PlannedFault) -> dict[str, Any]:
    call, fault = planned.call, planned.fault
    site = call.callsite
    return {
        "execution_index": str(call.index),
        "source": call.source,
        "service": call.target,
        "method": call.method,
        "url": call.url,
        "callsite": None
        if site is None
        else {"file": site.file, "line": site.line, "function": site.function},
        "fault": {
            "exception": fault.exception,
            "status": fault.status,
            "abort": fault.abort,
            "sleep": fault.sleep,
        },
    }


def _from_json(entry: Mapping[str, Any]) -> PlannedFault:
    site = entry["callsite"]
    call = Invocation(
        index=ExecutionIndex.parse(entry["execution_index"]),
        source=entry["source"],
        target=entry["service"],
        method=entry["method"],
        url=entry["url"],
        callsite=None if site is None else CallSite(site["file"], site["line"], site["function"]),
    )
    fault = entry["fault"]
    return PlannedFault(
        call, Fault(fault["exception"], fault["status"], fault["abort"], fault["sleep"])
    )
