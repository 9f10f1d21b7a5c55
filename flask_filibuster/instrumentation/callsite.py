"""The place in the application that a call or an exception comes from."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from types import CodeType, FrameType, MappingProxyType, TracebackType
from typing import Literal

from flask import Flask

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.own_code import is_installed, is_ours, is_users

# Frames below these of Flask belong to the server or to the test's own client.
# A tuple, because comparing code starts with its name, while hashing it reads all of it.
ENTRANCES = (Flask.wsgi_app.__code__, Flask.full_dispatch_request.__code__)
_DEPTH = 400

CodeByFile = Mapping[str, Sequence[CodeType]]
"""Code of functions by source file: one look-up for the file of each stack frame takes less time
than a comparison with each function."""


def by_file(*functions: CodeType) -> CodeByFile:
    """Code of functions by source file."""
    found: dict[str, list[CodeType]] = {}
    for code in functions:
        found.setdefault(code.co_filename, []).append(code)
    return found


NO_CODE: CodeByFile = MappingProxyType({})


ENDS = by_file(*ENTRANCES)
"""Where the walk up the stack of a call ends: before the server, or the test's own client."""


def ends_around_test() -> CodeByFile:
    """:data:`ENDS`, and the user's code that runs the test: a script, a hook of ``conftest.py``.

    To be called as the test begins. The names of calls must not depend on who runs a test, pytest
    or we.
    """
    found: list[CodeType] = []
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect is slower
    while frame is not None:
        if is_users(frame.f_code.co_filename):
            found.append(frame.f_code)
        frame = frame.f_back
    return by_file(*ENTRANCES, *found) if found else ENDS


stack_of_starter: ContextVar[FrameType | None] = ContextVar(
    "flask_filibuster_stack_of_starter", default=None
)
"""The innermost frame of the code that starts a greenlet, while the scope of the greenlet is found.

The greenlet has a stack of its own."""


# Asked for each frame of the stack of each call, always about the same few files.
@lru_cache(maxsize=4096)
def owner_of(
    filename: str, module: object, package: str
) -> Literal["project", "application", "library"]:
    """The owner of the code of a stack frame.

    :param filename: its source file.
    :param module: the ``__name__`` of its globals.
    :param package: top-level package of the app, which counts even if it is installed.
    """
    if is_ours(filename):
        return "project"
    name = module if isinstance(module, str) else ""
    if name.partition(".")[0] == package or not is_installed(filename):
        return "application"
    return "library"


def package_of(app: Flask) -> str:
    """The top-level package of an app."""
    return app.import_name.partition(".")[0]


def qualified_name(code: CodeType) -> str:
    """Name of the function, qualified from Python 3.11 on."""
    name: str = getattr(code, "co_qualname", code.co_name)
    return name


def callers(
    package: str,
    entrances: CodeByFile = NO_CODE,
    client_file: str = "",
    *,
    ends: CodeByFile = ENDS,
    skipped: int = 0,
) -> tuple[tuple[str, ...], CallSite | None]:
    """The application's functions on the stack, innermost first, and the running line.

    The walk ends where the handling of the request began, or the test.

    :param package: top-level package of the app.
    :param entrances: code of the client that may run below code of the application: frames above it
        on the stack implement the call, rather than make it.
    :param client_file: source file of the client, which is no part of the application.
    :param ends: where the walk ends.
    :param skipped: number of innermost functions that are known to be ours.
    """
    functions: list[str] = []
    site: CallSite | None = None
    left_ours = False
    frame: FrameType | None = sys._getframe(1 + skipped)  # noqa: SLF001 - inspect is slower
    for _ in range(_DEPTH):
        if frame is None:
            break
        code = frame.f_code  # Once: each reading is an audit event.
        filename = code.co_filename
        if filename in ends and code in ends[filename]:
            break
        if filename in entrances and code in entrances[filename]:
            functions.clear()
            site, left_ours = None, False
            frame = frame.f_back
            continue
        module = frame.f_globals.get("__name__", "?")
        owner = owner_of(filename, module, package)
        if owner == "project":
            if left_ours:
                break
        elif filename != client_file:
            left_ours = True
            if owner == "application":
                functions.append(f"{module}.{qualified_name(code)}")
                if site is None:
                    site = CallSite(filename, frame.f_lineno, qualified_name(code))
        frame = frame.f_back
    return tuple(functions), site


def site_of(traceback: TracebackType | None, package: str) -> CallSite | None:
    """The innermost line of the application's own code in a traceback."""
    site = None
    while traceback is not None:
        frame = traceback.tb_frame
        code = frame.f_code
        if owner_of(code.co_filename, frame.f_globals.get("__name__"), package) == "application":
            site = CallSite(code.co_filename, traceback.tb_lineno, qualified_name(code))
        traceback = traceback.tb_next
    return site
