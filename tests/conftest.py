"""Shared by all tests."""

from __future__ import annotations

import compileall
import gc
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flask_filibuster
from flask_filibuster.core.vocabulary import DEFAULT_PROFILE
from flask_filibuster.exploring import options
from tests.support.cases import cases
from tests.support.packages import packages_read_once
from tests.support.routes import routes_compiled_once

# Pytest rewrites all of Hypothesis: once, and not again in each worker and each session.
sys.dont_write_bytecode, _before = False, sys.dont_write_bytecode
from hypothesis import HealthCheck, settings  # noqa: E402

sys.dont_write_bytecode = _before

pytest_plugins = ["pytester"]

UNWRITTEN = "PYTHONDONTWRITEBYTECODE"

# What the tests know of their environment.
OWN = ("COVERAGE_", "COV_", "FILIBUSTER_", "HYPOTHESIS_", "PIP_", "PY", "VIRTUAL_ENV")
SYSTEM = (
    "HOME",
    "LANG",
    "LC_",
    "LD_",
    "DYLD_",
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "TERM",
    "TMP",
    "TZ",
    "XDG_",
)


def pytest_configure(config: pytest.Config) -> None:
    """The package is compiled once, not by each of the processes that the tests start.

    Where ``PYTHONDONTWRITEBYTECODE`` is set, each would do it again. What else is in the
    environment has no part in the tests, and costs: for each request, requests looks through all
    of it four times. Each client of httpx would read all certificates, unless they are in a
    directory.
    """
    _rewritten_once(config)
    in_ci = "CI" in os.environ
    for name in set(os.environ):
        if not name.startswith((*OWN, *SYSTEM)):
            del os.environ[name]
    os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)
    # urllib keeps what it makes for its first request, which might be one that a test mocks.
    urllib.request.install_opener(urllib.request.build_opener())
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    routes_compiled_once(patch)
    packages_read_once(patch)
    # Most tests are about something else than what can fail: they need few faults, and count.
    patch.setattr(options, "DEFAULT_PROFILE", "quick")
    compileall.compile_dir(Path(flask_filibuster.__file__).parent, quiet=2)
    # How long an example takes says nothing on a machine that others use as well.
    settings.register_profile(
        "shared",
        deadline=None,
        # A change is not kept from landing by chance; what chance finds, finds whoever works.
        derandomize=in_ci,
        max_examples=cases(100),
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("shared")


def _rewritten_once(config: pytest.Config) -> None:
    """Where ``PYTHONDONTWRITEBYTECODE`` is set, workers keep what pytest rewrites of its plugins.

    Each worker, and each process with a pytest of its own, took a second for that. An empty value
    is none for Python; what tests start has the value of before.
    """
    value = os.environ.get(UNWRITTEN)
    if hasattr(config, "workerinput"):
        if value == "":
            os.environ[UNWRITTEN], sys.dont_write_bytecode = "1", True
    elif value and config.getoption("numprocesses", default=None):
        os.environ[UNWRITTEN] = ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What the tests of a module share is made once."""
    if config.getvalue("dist") != "load":
        return None
    from tests.support.scheduling import OnceForAModule

    config.option.loadscopereorder = False  # The order is that of longest_first.
    return OnceForAModule(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """No worker of xdist is left with a long piece of work when the others have ended."""
    if hasattr(config, "workerinput"):
        from tests.support.scheduling import longest_first

        items.sort(key=longest_first)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Compiled tests are kept, too; but not what they write: it may change within a second.

    No garbage is made while tests are collected. What they hold is not frozen afterwards: whatever
    looks for the owners of a function would have to look through all modules instead.
    """
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        sys.dont_write_bytecode = before


@pytest.fixture
def users_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """What users explore with if they give no fault model; other tests here explore with quick."""
    monkeypatch.setattr(options, "DEFAULT_PROFILE", DEFAULT_PROFILE)


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell's background jobs ignore it, and so does what they start."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
