"""Where in the application a call or an exception comes from."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType, TracebackType

from flask import Flask

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.own_code import OURS, is_installed, is_ours

# Below these frames of Flask's begins another story: the server, or the test's own client.
_ENTRANCES = frozenset({Flask.wsgi_app.__code__, Flask.full_dispatch_request.__code__})
_DEPTH = 400
# An application's own adapter runs above our adapter's send: how a call is made, not who makes it.
_ADAPTER = os.path.join(OURS, "instrumentation", "clients", "requests", "adapter.py")


def is_application(frame: FrameType, package: str) -> bool:
    """Whether a stack frame runs code of the application.

    :param frame: the stack frame.
    :param package: top-level package of the app, which counts even where it is an installed one.
    """
    filename = frame.f_code.co_filename
    if is_ours(filename):
        return False
    module = frame.f_globals.get("__name__")
    if isinstance(module, str) and module.partition(".")[0] == package:
        return True
    return not is_installed(filename)


def package_of(app: Flask) -> str:
    """The top-level package of an app."""
    return app.import_name.partition(".")[0]


def qualified_name(code: CodeType) -> str:
    """Name of the function, qualified where Python tells (from 3.11 on)."""
    name: str = getattr(code, "co_qualname", code.co_name)
    return name


def callers(package: str) -> tuple[tuple[str, ...], CallSite | None]:
    """The application's functions on the stack, innermost first, and the line that is running.

    The search ends where the handling of the request began, so that neither the server nor, in
    process, the service that called this one is taken for part of it.

    :param package: top-level package of the app.
    """
    functions: list[str] = []
    site: CallSite | None = None
    left_ours = False
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect's way to it is slower
    for _ in range(_DEPTH):
        if frame is None or frame.f_code in _ENTRANCES:
            break
        if frame.f_code.co_name == "send" and frame.f_code.co_filename == _ADAPTER:
            functions.clear()
            site, left_ours = None, False
        elif is_ours(frame.f_code.co_filename):
            if left_ours:
                break
        else:
            left_ours = True
            if is_application(frame, package):
                code = frame.f_code
                name = f"{frame.f_globals.get('__name__', '?')}.{qualified_name(code)}"
                functions.append(name)
                if site is None:
                    site = CallSite(code.co_filename, frame.f_lineno, qualified_name(code))
        frame = frame.f_back
    return tuple(functions), site


def site_of(traceback: TracebackType | None, package: str) -> CallSite | None:
    """The innermost line of the application's own code in a traceback."""
    site = None
    while traceback is not None:
        if is_application(traceback.tb_frame, package):
            code = traceback.tb_frame.f_code
            site = CallSite(code.co_filename, traceback.tb_lineno, qualified_name(code))
        traceback = traceback.tb_next
    return site
