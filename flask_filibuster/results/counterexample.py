"""Counterexamples: one failing execution, as a file for replay."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import CounterexampleError, FaultModelError
from flask_filibuster.protocol.codec import Codec, Form
from flask_filibuster.protocol.reading import any_text, mapping
from flask_filibuster.protocol.records import FAULT_SET
from flask_filibuster.results.directory import DIRECTORY, make_directory

VERSION = 1
WITH_OUTAGES = 2
"""Readers of version 1 would take an outage for a fault of its first call."""
PACKAGES = ("flask-filibuster", "flask", "werkzeug", "requests", "urllib3", "pytest")


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The faults that reproduce a bug, and the test.

    >>> from flask_filibuster.core.fault_set import FaultSet
    >>> path = Counterexample("test_page", FaultSet(), "AssertionError").write(directory)
    >>> Counterexample.read(path).seen
    'AssertionError'

    :ivar test: name of the test, or the command, in words.
    :ivar fault_set: the faults.
    :ivar seen: the failure, in words.
    :ivar details: other data for the replay.
    :ivar expected: the expected outcome, in words.
    """

    test: str
    fault_set: FaultSet
    seen: str
    details: Mapping[str, Any] = field(default_factory=dict)
    expected: str = "the test passes, as without faults"

    def write(self, directory: str | os.PathLike[str] = DIRECTORY) -> Path:
        """Write it to a file whose name depends on the test and its faults alone.

        :returns: path of the file, below ``directory``, which is made if need be.
        :raises OSError: it cannot be written.
        """
        record = _FORM.write(self)
        faults = [
            [each[key] for key in ("execution_index", "fault", "outage") if key in each]
            for each in record["faults"]
        ]
        # Two replays of a test under the same faults may judge it by different rules.
        rule = [] if self.details.get("assertions", True) else ["without assertions"]
        identity = [self.test, *faults, *rule]
        name = hashlib.md5(json.dumps(identity).encode(), usedforsecurity=False).hexdigest()[:10]
        path = Path(directory) / f"{name}.json"
        make_directory(path.parent)
        version = WITH_OUTAGES if self.fault_set.has_outage else VERSION
        content = {"version": version, **record, "versions": _versions()}
        # Several test processes may write the same file at the same time.
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
        if version not in (VERSION, WITH_OUTAGES):
            raise CounterexampleError(
                f"cannot replay {path}: not a counterexample of version {VERSION} or "
                f"{WITH_OUTAGES} (its version: {version!r})"
            )
        try:
            counterexample = _FORM.read({"expected": "", **content})
            for planned in counterexample.fault_set:
                ExecutionIndex.parse(planned.index)
        except (ValueError, FaultModelError) as error:
            raise CounterexampleError(f"{path} is damaged: {error!r}") from error
        return counterexample


_FORM = Form(
    Counterexample,
    name="a counterexample",
    rename={"fault_set": "faults"},
    always=["details", "expected"],
    needed=["details"],
    codecs={"details": Codec(lambda value, name: dict(mapping(value, name)), dict)},
    known={str: Codec(any_text), FaultSet: FAULT_SET},
)


@cache
def _versions() -> Mapping[str, str]:
    """The installed versions, looked up once: each look-up reads a file of the package's."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # noqa: PERF203 - there are six of them
            continue
    return versions
