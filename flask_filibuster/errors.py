"""The exceptions that Flask-Filibuster raises for people to read."""

from __future__ import annotations


class FilibusterError(Exception):
    """Base of every exception that this package raises on its own behalf."""


class ConfigError(FilibusterError):
    """A ``FILIBUSTER_*`` key or an argument has a value that does not fit.

    :param key: the key or argument.
    :param value: what it was set to.
    :param expected: what would fit, in words.
    """

    def __init__(self, key: str, value: object, expected: str) -> None:
        super().__init__(f"{key} is {value!r}; it must be {expected}")
        self.key = key
        self.value = value
        self.expected = expected


class UnknownKeyError(ConfigError):
    """An option is given under a name that there is not.

    :param key: the name.
    :param where: the file or place that has it, in words.
    :param advice: what may have been meant.
    """

    def __init__(self, key: str, where: str, advice: str) -> None:
        # Without the value: it may be a secret under a misspelt name.
        FilibusterError.__init__(self, f"unknown key {key!r} in {where}; {advice}")
        self.key = key
        self.value = None
        self.expected = advice


class SetupError(FilibusterError):
    """The extension, or an exploration, was set up in a way that cannot work."""


class FaultModelError(FilibusterError):
    """A fault model or an analysis file names something that cannot be injected."""


class InjectionError(FilibusterError):
    """A planned fault could not be made real; the test execution does not count as passed.

    :param call: the call that should have failed.
    :param reason: why it could not be made to.
    """

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(f"cannot inject the fault planned for {call}: {reason}")
        self.call = call
        self.reason = reason


class CounterexampleError(FilibusterError):
    """A counterexample file cannot be read, or is not about what is being replayed."""


class JournalError(FilibusterError):
    """A journal of explorations cannot be opened, read or written, or is in use.

    :param journal: path of its file.
    :param problem: what is wrong, and what to do about it.
    """

    def __init__(self, journal: str, problem: str) -> None:
        super().__init__(f"the journal {journal} {problem}")
        self.journal = journal
        self.problem = problem


class FilibusterWarning(UserWarning):
    """Something worth knowing that no assertion of the test is about."""


class WireError(FilibusterError, ValueError):
    """A message from the network is not what the protocol says it is."""


class ServerError(FilibusterError):
    """A Filibuster server cannot be reached, or does not answer as the protocol says."""
