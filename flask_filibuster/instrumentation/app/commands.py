"""Commands that a test runs by click's ``CliRunner``: how they end, as far as the test sees it.

An exception that leaves a command is a crash: its user gets a traceback. Exits are the command's
own decision, and so are the errors that click shows in a line. What leaves a command that the test
runs in another way (``command.main()``) is for the test to judge, as what leaves a function: in
that place, the application may have a handler of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from click.exceptions import Abort, ClickException, Exit

from flask_filibuster.core.outcome import Outcome, digest_of
from flask_filibuster.instrumentation.app.handling import ExploredRequests
from flask_filibuster.instrumentation.frames import Frame, TestFrame, current_scope
from flask_filibuster.instrumentation.patching import Patch

if TYPE_CHECKING:
    from click.testing import Result

_Commands = list[tuple[ExploredRequests, Frame]]
_running: ContextVar[_Commands | None] = ContextVar("flask_filibuster_commands", default=None)

# What click, or Python, turns into an exit code without a traceback.
_EXITS = (SystemExit, Exit, Abort, ClickException)


def note_command(explored: ExploredRequests, frame: Frame) -> None:
    """Note the frame of a command, for its end.

    :param explored: explores its app.
    :param frame: the frame.
    """
    running = _running.get()
    if running is not None:
        running.append((explored, frame))


def hold_runners() -> Patch:
    """Let the commands of all runners report their ends, until the patch is released."""
    # Lazily: it imports the debugger. A test that has a client of Flask has imported it.
    from click.testing import CliRunner

    return Patch.hold(CliRunner, "invoke", _invoke)


def _invoke(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def invoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        scope = current_scope()
        of_test = scope is not None and isinstance(scope.frame, TestFrame)
        # A command may run another one, and handle its end.
        if not patch.active or not of_test or _running.get() is not None:
            return original(self, *args, **kwargs)
        commands: _Commands = []
        token = _running.set(commands)
        try:
            result = original(self, *args, **kwargs)
        except Exception as error:  # With catch_exceptions=False.
            for explored, frame in commands:
                _raised(explored, frame, error)
            raise
        finally:
            _running.reset(token)
        for explored, frame in commands:
            _ended(explored, frame, result)
        return result

    return invoke


def _ended(explored: ExploredRequests, frame: Frame, result: Result) -> None:
    error = result.exception
    if error is not None and not isinstance(error, _EXITS):
        _raised(explored, frame, error)
    else:
        _tell(frame, Outcome(digest=digest_of(_shown(result))))


def _raised(explored: ExploredRequests, frame: Frame, error: BaseException) -> None:
    if not isinstance(error, _EXITS):
        explored.failed(frame, error)
    _tell(frame, Outcome(exception=type(error).__name__))


def _tell(frame: Frame, outcome: Outcome) -> None:
    if frame.test is not None:
        frame.test.watcher.request_ended(frame.execution_index, outcome)


def _shown(result: Result) -> bytes:
    """The exit code of a command, and its output."""
    both = getattr(result, "output_bytes", b"")  # Since click 8.2.
    parts = (str(result.exit_code).encode(), both, result.stdout_bytes, result.stderr_bytes or b"")
    return b"\0".join(parts)
