"""The exceptions that Flask-Filibuster raises for people to read."""

from __future__ import annotations

from collections.abc import Sequence


class FilibusterError(Exception):
    """Base class of the exceptions of this package.

    >>> from flask_filibuster import FaultModel
    >>> try:
    ...     FaultModel(default_statuses=(42,))
    ... except FilibusterError as error:
    ...     print(error)
    cannot answer with status 42; it must be a number from 200 to 599
    """


class HangError(BaseException):
    """An execution of a test did not end within its time limit.

    No handler of ``Exception`` suppresses it: the application has not failed, it never ended.
    """


class UnendingError(HangError):
    """The calls of an execution never stop, so it is ended.

    :param call: the call that was one too many, and why, in words.
    """

    def __init__(self, call: str) -> None:
        super().__init__(f"calls without end: {call}")


class ConfigError(FilibusterError):
    """A ``FILIBUSTER_*`` key or an argument has an invalid value.

    :param key: the key or argument.
    :param value: its value.
    :param expected: the valid values, in words.
    """

    def __init__(self, key: str, value: object, expected: str) -> None:
        super().__init__(f"{key} is {value!r}; it must be {expected}")
        self.key = key
        self.value = value
        self.expected = expected


class UnknownKeyError(ConfigError):
    """An option has an unknown name.

    :param key: the name.
    :param where: the file or place that has it, in words.
    :param advice: the nearest known name, or all of them, in words.
    """

    def __init__(self, key: str, where: str, advice: str) -> None:
        # Without the value: it may be a secret under a misspelt name.
        FilibusterError.__init__(self, f"unknown key {key!r} in {where}; {advice}")
        self.key = key
        self.value = None
        self.expected = advice


class SetupError(FilibusterError):
    """The setup of the extension or of an exploration is invalid."""


class LoginError(SetupError):
    """The login of an explored request fails, so that no execution shows anything."""


class ForeignHostError(SetupError):
    """A call to a host on another machine was stopped, before the exploration repeated it.

    :ivar base: the base URL of the host.
    """

    base = ""

    @classmethod
    def of(
        cls, *, service: str, operation: str, url: str, host: str, site: object
    ) -> ForeignHostError:
        """The error for a call.

        :param service: the caller.
        :param operation: the HTTP method, or another verb.
        :param url: the URL called, or host and port.
        :param host: the host.
        :param site: the application's line, if known.
        """
        at = "" if site is None else f", called at {site}"
        scheme, separator, rest = url.partition("://")
        base = f"{scheme}{separator}{rest.partition('/')[0]}" if separator else f"http://{host}"
        error = cls(
            f"{service}: {operation} {url}{at}, was stopped: {host} is not on this machine, and an "
            "exploration would repeat a real call many times. Choose one: an app of this process, "
            f"among the services ({{'{base}': app}}); canned answers, among the services "
            f"({{'{base}': flask_filibuster.stub({{'/path': {{…}}}})}}); or real calls "
            f"(FILIBUSTER_ALLOWED_HOSTS = [{host!r}])"
        )
        error.base = base
        return error


class FaultModelError(FilibusterError):
    """A fault model or an analysis file names something that cannot be injected."""


class InjectionError(FilibusterError):
    """A planned fault cannot be injected; the execution does not count as passed.

    :param call: the call that should have failed.
    :param reason: why the injection failed.
    """

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(f"cannot inject the fault planned for {call}: {reason}")
        self.call = call
        self.reason = reason


class CounterexampleError(FilibusterError):
    """A counterexample file cannot be read, or belongs to another subject."""


class FaultNameError(FilibusterError):
    """A fault that is asked about is unknown, or the name of several.

    :param name: the name.
    :param near: the nearest names, or those that are meant.
    :param ambiguous: whether several faults have the name.
    """

    def __init__(self, name: str, near: Sequence[str], *, ambiguous: bool = False) -> None:
        if ambiguous and near:
            what = "is the name of several faults; choose one"
        elif ambiguous:
            what = "is named more often than executions made such calls"
        else:
            what = "is no fault of this exploration; nearest"
        super().__init__(f"{name!r} {what}{': ' if near else ''}{'; '.join(near)}")
        self.name = name
        self.near = tuple(near)


class JournalError(FilibusterError):
    """A journal of explorations cannot be opened, read or written, or is in use.

    :param journal: path of its file.
    :param problem: the cause and the remedy; continues "the journal …".
    """

    def __init__(self, journal: str, problem: str) -> None:
        super().__init__(f"the journal {journal} {problem}")
        self.journal = journal
        self.problem = problem


class FilibusterWarning(UserWarning):
    """A finding, or a note, that no assertion of the test covers.

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", FilibusterWarning)
    ...     warnings.warn("a note", FilibusterWarning)
    """


class WireError(FilibusterError, ValueError):
    """A message from the network violates the protocol."""


class ServerError(FilibusterError):
    """A Filibuster server cannot be reached, or its answer violates the protocol."""
