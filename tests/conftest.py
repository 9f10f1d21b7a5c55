"""Shared by all tests."""

from __future__ import annotations

import compileall
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import flask_filibuster

pytest_plugins = ["pytester"]


def pytest_configure() -> None:
    """The package is compiled once, not by each of the processes that the tests start.

    Where ``PYTHONDONTWRITEBYTECODE`` is set, each would do it again.
    """
    compileall.compile_dir(Path(flask_filibuster.__file__).parent, quiet=2)
    # How long an example takes says nothing on a machine that others use as well.
    settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("shared")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What the tests of a module share is made once."""
    from tests.support.scheduling import OnceForAModule

    return OnceForAModule(config, log) if config.getvalue("dist") == "load" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Compiled tests are kept, too; but not what they write: it may change within a second."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = before


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell's background jobs ignore it, and so does what they start."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
