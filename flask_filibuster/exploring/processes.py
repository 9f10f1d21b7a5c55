"""Commands and services in separate processes, ended together with their children."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

import urllib3
from urllib3 import exceptions as urllib3_errors

from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.following import Following, Show
from flask_filibuster.exploring.listening import listening_ports
from flask_filibuster.protocol.headers import INSTRUMENTATION

logger = logging.getLogger(__name__)

LONGEST_OUTPUT = 20_000
_GRACE = 5.0
_STEP = 0.05


@dataclass(frozen=True, slots=True)
class CommandRun:
    """How a command ended.

    :ivar code: its exit code; negative: the signal that killed it; ``None``: it timed out and was
        killed.
    :ivar output: the end of its stdout and stderr.
    """

    code: int | None
    output: str


class Commands:
    """Runs commands, any number in parallel, and ends each together with its children.

    :param show: shows their output as they write it; ``None``: the output is not shown.
    """

    def __init__(self, show: Show | None = None) -> None:
        self._show = show
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.stopped = False

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], timeout: float
    ) -> CommandRun:
        """Run one.

        :param command: program and arguments.
        :param environment: variables on top of those of this process.
        :param timeout: its maximum duration, in seconds.
        :raises SetupError: the program does not exist, or :meth:`stop` was called.
        """
        with tempfile.TemporaryFile() as output, ExitStack() as stack:
            process = self._begin(command, environment, output)
            try:
                if self._show is not None:
                    stack.callback(Following(output, command[0], self._show).end)
                code = _wait(process, timeout)
            finally:
                _end_group(process, grace=0.0)
                with self._lock:
                    self._running.discard(process)
            if self.stopped:
                raise SetupError("the command was stopped")
            return CommandRun(code, _tail(output))

    def _begin(
        self, command: Sequence[str], environment: Mapping[str, str], output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self.stopped:
                raise SetupError("the command was stopped before its start")
            process = _start(command, environment, output)
            self._running.add(process)
        return process

    def stop(self) -> None:
        """End the running commands, and start no others."""
        with self._lock:
            self.stopped = True
            for process in self._running:
                # Another process may have the number of a process that has ended.
                if process.returncode is None:
                    _signal(process, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    """The exit code of a process; ``None`` if it does not end in time.

    A thread waits, because ``Popen.wait`` with a timeout polls and returns up to 0.05 s late.
    """
    waiting = threading.Thread(target=process.wait, name="filibuster-command", daemon=True)
    waiting.start()
    waiting.join(timeout)
    return None if waiting.is_alive() else process.returncode


def _inherited() -> dict[str, str]:
    """The environment of a new process.

    Without the variable by which Flask's command line marks its own process: a service with that
    variable ignores its ``app.run()``, and ends at once.
    """
    return {name: value for name, value in os.environ.items() if name != "FLASK_RUN_FROM_CLI"}


def _start(
    command: Sequence[str], environment: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the user gives the command
            list(command),
            env={**_inherited(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise SetupError(f"cannot run {shlex.join(command)}: {error}") from error


def _end_group(process: subprocess.Popen[bytes], grace: float = _GRACE) -> None:
    """End a process and its children: by SIGTERM if there is time, then by SIGKILL."""
    deadline = time.monotonic() + grace
    if grace and _signal(process, signal.SIGTERM):
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            logger.warning("%r did not end on SIGTERM, so it gets SIGKILL", process.args)
        while _signal(process, 0) and time.monotonic() < deadline:
            time.sleep(_STEP)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to a process's group; ``False`` if the group is empty."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - LONGEST_OUTPUT))
    return output.read(LONGEST_OUTPUT).decode("utf-8", "replace")


class Service:
    """A service started for an exploration.

    :param command: its command line.
    :param environment: variables on top of those of this process.
    :param show: shows its output as it writes it; ``None``: the output is not shown.
    :raises SetupError: it cannot be started.
    """

    def __init__(
        self, command: str, environment: Mapping[str, str], show: Show | None = None
    ) -> None:
        self.command = command
        try:
            arguments = shlex.split(command)
        except ValueError as error:
            raise SetupError(f"--start {command!r}: {error}") from error
        if not arguments:
            raise SetupError("--start needs a command")
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        try:
            self._process = _start(arguments, environment, self._output)
        except SetupError:
            self._output.close()
            raise
        self._following = None if show is None else Following(self._output, command, show)

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def check(self) -> None:
        """Check that it is still running.

        :raises SetupError: it has ended.
        """
        code = self._process.poll()
        if code is not None:
            output = _tail(self._output).strip()
            raise SetupError(
                f"the service {self.command!r} ended with exit code {code}"
                + (f"; its output:\n{output}" if output else "")
            )

    def ports(self) -> list[int] | None:
        """The TCP ports that it listens on; ``None`` if the system has no such information."""
        return listening_ports(self._process.pid)

    def end(self) -> None:
        """End it and its children."""
        _end_group(self._process)
        if self._following is not None:
            self._following.end()
        self._output.close()


class Services:
    """Services that run while the block runs.

    :param commands: their command lines, started in this order.
    :param ready: URLs that must answer before the services count as started; without any, each
        service must answer on the ports that it listens on.
    :param environment: variables on top of those of this process.
    :param timeout: time for them to answer, in seconds.
    :param show: shows their output as they write it; ``None``: the output is not shown.
    """

    def __init__(
        self,
        commands: Iterable[str],
        ready: Sequence[str],
        environment: Mapping[str, str],
        timeout: float,
        show: Show | None = None,
    ) -> None:
        self._commands = tuple(commands)
        self._ready = tuple(ready)
        self._environment = environment
        self._timeout = timeout
        self._show = show
        self._running: list[Service] = []
        self._stack = ExitStack()

    def __enter__(self) -> Services:  # noqa: PYI034 - Self came with Python 3.11
        try:
            for command in self._commands:
                service = Service(command, self._environment, self._show)
                self._stack.callback(service.end)
                self._running.append(service)
            self._wait()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def check(self) -> None:
        """Check that all are still running.

        :raises SetupError: one has ended.
        """
        for service in self._running:
            service.check()

    def _wait(self) -> None:
        deadline = time.monotonic() + self._timeout
        for url in self._ready:
            while not _answers(url):
                self._pause(deadline, f"{url} did not answer")
        if self._ready:
            return
        for service in self._running:
            while not _is_up(service):
                self._pause(deadline, f"the service {service.command!r} did not answer on a port")

    def _pause(self, deadline: float, complaint: str) -> None:
        self.check()
        if time.monotonic() >= deadline:
            raise SetupError(f"{complaint} within {self._timeout:g} s")
        time.sleep(_STEP)


def _is_up(service: Service) -> bool:
    ports = service.ports()
    if ports is None:
        raise SetupError(
            "cannot detect the ports of services on this system; "
            "give a URL of each service with --ready"
        )
    return bool(ports) and all(_answers(f"http://127.0.0.1:{port}/") for port in ports)


def _answers(url: str) -> bool:
    """Whether a URL answers over HTTP, with any status."""
    try:
        with urllib3.PoolManager() as pool:
            pool.request(
                "GET",
                url,
                headers={INSTRUMENTATION: "true"},
                retries=False,
                redirect=False,
                timeout=2.0,
            )
    except (urllib3_errors.HTTPError, OSError) as error:
        logger.debug("%s does not answer yet: %r", url, error)
        return False
    return True
