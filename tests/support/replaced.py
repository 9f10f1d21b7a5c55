"""The forms in which tests replace requests, or a part of it: each answers with 1 and with 2.

A form is a context manager that yields the number of answers that were taken. It is named after
the way in which the service uses requests, and after itself.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import requests
import requests.adapters

from tests.support import weather

Form = Callable[[], AbstractContextManager[Callable[[], int]]]
HERE = "tests.support.weather"


def real_reply(n: int) -> requests.Response:
    reply = requests.Response()
    reply.status_code, reply.url = 200, weather.URL
    vars(reply)["_content"] = json.dumps({"n": n}).encode()
    return reply


class OwnReply:
    status_code = 200

    def __init__(self, n: int) -> None:
        self.n = n

    def raise_for_status(self) -> None:
        pass

    def json(self) -> Any:
        return {"n": self.n}


def mock_reply(n: int) -> Any:
    reply = mock.MagicMock()
    reply.json.return_value = {"n": n}
    return reply


class Fake:
    """A callable object; ``made`` is the number of calls."""

    def __init__(self, reply: Callable[[int], Any] = OwnReply) -> None:
        self.made = 0
        self.reply = reply

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.made += 1
        return self.reply(self.made)

    @property
    def function(self) -> Callable[..., Any]:
        def fake(*args: Any, **options: Any) -> Any:
            return self(*args, **options)

        return fake


class FakeSession:
    """A session without requests; each makes its calls with one fake."""

    fake: Any = None

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def get(self, url: str, **options: Any) -> Any:
        return self.request("GET", url, **options)

    def request(self, method: str, url: str, **options: Any) -> Any:
        return type(self).fake(method, url)


class FakeSubclass(requests.Session):
    fake: Any = None

    def request(self, method: Any, url: Any, **options: Any) -> Any:  # type: ignore[override]
        return type(self).fake(method, url)


def both(reply: Callable[[int], Any] = OwnReply) -> list[Any]:
    return [reply(1), reply(2)]


def _patched(patcher: Any) -> Form:
    """A form for a mock that the patcher makes."""

    @contextmanager
    def form() -> Iterator[Callable[[], int]]:
        with patcher() as made:
            yield lambda: int(made.call_count)

    return form


def _faked(
    place: Callable[[Any], Any], reply: Callable[[int], Any] = OwnReply, *, bare: bool = False
) -> Form:
    """A form that puts a fake in place, by ``unittest.mock``."""

    @contextmanager
    def form() -> Iterator[Callable[[], int]]:
        fake = Fake(reply)
        with place(fake if bare else fake.function):
            yield lambda: fake.made

    return form


def _set(owner: Any, name: str, reply: Callable[[int], Any] = OwnReply) -> Form:
    """A form that sets a function, by ``monkeypatch``."""

    @contextmanager
    def form() -> Iterator[Callable[[], int]]:
        fake = Fake(reply)
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(owner, name, fake.function)
            yield lambda: fake.made

    return form


def _below(*names: str, **how: Any) -> Form:
    """A form for a mock of which only a part is called: ``()`` stands for what it returns."""

    @contextmanager
    def form() -> Iterator[Callable[[], int]]:
        with mock.patch(names[0], **how) as whole:
            made = whole
            for name in names[1:]:
                made = made.return_value if name == "()" else getattr(made, name)
            made.side_effect = both()
            yield lambda: int(made.call_count)

    return form


def _fake_class(target: str, cls: type) -> Form:
    @contextmanager
    def form() -> Iterator[Callable[[], int]]:
        fake = Fake()
        with mock.patch(target, type("Own", (cls,), {"fake": fake})):
            yield lambda: fake.made

    return form


@contextmanager
def factory_of_sessions() -> Iterator[Callable[[], int]]:
    fake = Fake()
    own = type("Own", (FakeSession,), {"fake": fake})
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(requests, "Session", lambda: own())
        yield lambda: fake.made


@contextmanager
def mock_of_fake_session() -> Iterator[Callable[[], int]]:
    fake = Fake()
    own = type("Own", (FakeSession,), {"fake": fake})
    with mock.patch(f"{HERE}.Session", return_value=own()):
        yield lambda: fake.made


@contextmanager
def fake_session_object() -> Iterator[Callable[[], int]]:
    fake = Fake()
    with mock.patch(f"{HERE}.session", type("Own", (FakeSession,), {"fake": fake})()):
        yield lambda: fake.made


@contextmanager
def namespace() -> Iterator[Callable[[], int]]:
    fake = Fake()
    with mock.patch(f"{HERE}.requests", SimpleNamespace(get=fake.function)):
        yield lambda: fake.made


@contextmanager
def fake_module() -> Iterator[Callable[[], int]]:
    fake, module = Fake(), ModuleType("requests")
    vars(module).update(get=fake, RequestException=requests.RequestException)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(f"{HERE}.requests", module)
        yield lambda: fake.made


@contextmanager
def dynamic_module() -> Iterator[Callable[[], int]]:
    class Dynamic:
        def __getattr__(self, name: str) -> Any:
            if name == "get":
                return fake
            raise AttributeError(name)

    fake = Fake()
    with mock.patch(f"{HERE}.requests", Dynamic()):
        yield lambda: fake.made


@contextmanager
def session_without_dict() -> Iterator[Callable[[], int]]:
    class Slotted:
        __slots__ = ()

        def get(self, *args: Any, **options: Any) -> Any:
            return fake(*args, **options)

    fake = Fake()
    with mock.patch.object(weather, "session", Slotted()):
        yield lambda: fake.made


@contextmanager
def wrapped_module() -> Iterator[Callable[[], int]]:
    with (
        mock.patch.object(weather, "requests", wraps=requests),
        mock.patch("requests.api.request", side_effect=both()) as made,
    ):
        yield lambda: int(made.call_count)


@contextmanager
def specified_session() -> Iterator[Callable[[], int]]:
    session = mock.create_autospec(requests.Session, instance=True)
    session.get.side_effect = both()
    mock.seal(session)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(weather, "session", session)
        yield lambda: int(session.get.call_count)


@contextmanager
def mock_for_two() -> Iterator[Callable[[], int]]:
    made = mock.Mock(side_effect=both())
    with mock.patch("requests.get", made), mock.patch("requests.post", made):
        yield lambda: int(made.call_count)


@contextmanager
def module_with_function() -> Iterator[Callable[[], int]]:
    fake = Fake()
    with mock.patch(f"{HERE}.requests") as made:
        made.get = fake.function
        yield lambda: fake.made


@contextmanager
def started() -> Iterator[Callable[[], int]]:
    patcher = mock.patch("requests.get", side_effect=both())
    made = patcher.start()
    try:
        yield lambda: int(made.call_count)
    finally:
        patcher.stop()


def _assigned(owner: Any, name: str, new: Callable[[], Any]) -> Form:
    """A form without help: an assignment, and another one that restores."""

    @contextmanager
    def form() -> Iterator[Callable[[], int]]:
        made, genuine = new(), getattr(owner, name)
        setattr(owner, name, made)
        try:
            yield lambda: made.call_count if isinstance(made, mock.Mock) else made.made
        finally:
            setattr(owner, name, genuine)

    return form


@contextmanager
def multiple() -> Iterator[Callable[[], int]]:
    with mock.patch.multiple(requests, get=mock.DEFAULT, post=mock.DEFAULT) as made:
        made["get"].side_effect = both()
        yield lambda: int(made["get"].call_count)


@contextmanager
def nested() -> Iterator[Callable[[], int]]:
    with (
        mock.patch("requests.get", Fake().function),
        mock.patch("requests.get", Fake()),
        mock.patch("requests.get", side_effect=both()) as made,
    ):
        yield lambda: int(made.call_count)


FORMS: dict[str, Form] = {
    "function-mock": _patched(lambda: mock.patch("requests.get", side_effect=both())),
    "function-mock-real": _patched(
        lambda: mock.patch("requests.get", side_effect=both(real_reply))
    ),
    "function-mock-mocks": _patched(
        lambda: mock.patch("requests.get", side_effect=both(mock_reply))
    ),
    "function-mock-calling": _patched(lambda: mock.patch("requests.get", side_effect=Fake())),
    "function-new-mock": _patched(
        lambda: mock.patch("requests.get", new=mock.Mock(side_effect=both()))
    ),
    "function-autospec": _patched(
        lambda: mock.patch("requests.get", autospec=True, side_effect=both())
    ),
    "function-spec": _patched(lambda: mock.patch("requests.get", spec=True, side_effect=both())),
    "function-function": _faked(lambda fake: mock.patch("requests.get", fake)),
    "function-object": _faked(lambda fake: mock.patch("requests.get", fake), bare=True),
    "function-partial": _faked(lambda fake: mock.patch("requests.get", functools.partial(fake))),
    "function-set": _set(requests, "get"),
    "function-assigned": _assigned(requests, "get", Fake),
    "function-assigned-mock": _assigned(requests, "get", lambda: mock.Mock(side_effect=both())),
    "function-assigned-method": _assigned(requests.Session, "request", Fake),
    "function-api": _patched(lambda: mock.patch("requests.api.request", side_effect=both())),
    "function-started": started,
    "function-multiple": multiple,
    "function-nested": nested,
    "function-module": _below(f"{HERE}.requests", "get"),
    "function-module-autospec": _below(f"{HERE}.requests", "get", autospec=True),
    "function-module-function": module_with_function,
    "function-module-namespace": namespace,
    "function-module-fake": fake_module,
    "function-module-wrapped": wrapped_module,
    "function-two": mock_for_two,
    "session-specified": specified_session,
    "function-module-dynamic": dynamic_module,
    "function-session-request": _patched(
        lambda: mock.patch("requests.Session.request", side_effect=both())
    ),
    "function-session-request-set": _set(requests.Session, "request"),
    "function-session-send": _patched(
        lambda: mock.patch("requests.sessions.Session.send", side_effect=both())
    ),
    "function-adapter-send": _patched(
        lambda: mock.patch("requests.adapters.HTTPAdapter.send", side_effect=both(real_reply))
    ),
    "function-adapter-send-autospec": _patched(
        lambda: mock.patch.object(
            requests.adapters.HTTPAdapter, "send", autospec=True, side_effect=both(real_reply)
        )
    ),
    "function-adapter-send-set": _set(requests.adapters.HTTPAdapter, "send", real_reply),
    "function-session-class": _below(
        "requests.sessions.Session", "()", "__enter__", "()", "request"
    ),
    "name-mock": _patched(lambda: mock.patch(f"{HERE}.imported_get", side_effect=both())),
    "name-function": _faked(lambda fake: mock.patch.object(weather, "imported_get", fake)),
    "session-object": _below(f"{HERE}.session", "get"),
    "session-object-spec": _below(f"{HERE}.session", "get", spec=requests.Session),
    "session-object-autospec": _below(f"{HERE}.session", "get", autospec=True),
    "session-fake": fake_session_object,
    "session-fake-slots": session_without_dict,
    "session-get": _patched(lambda: mock.patch.object(weather.session, "get", side_effect=both())),
    "session-get-set": _set(weather.session, "get"),
    "session-get-method": _set(requests.Session, "get"),
    "session-get-method-autospec": _patched(
        lambda: mock.patch.object(requests.Session, "get", autospec=True, side_effect=both())
    ),
    "session-request": _faked(lambda fake: mock.patch.object(weather.session, "request", fake)),
    "prepared-send": _patched(
        lambda: mock.patch.object(weather.session, "send", side_effect=both())
    ),
    "prepared-send-method": _faked(lambda fake: mock.patch("requests.Session.send", fake)),
    "own-session-class": _below("requests.Session", "()", "__enter__", "()", "get"),
    "own-session-module": _below(f"{HERE}.requests", "Session", "()", "__enter__", "()", "get"),
    "own-session-fake": _fake_class("requests.Session", FakeSession),
    "own-session-factory": factory_of_sessions,
    "class-mock": _below(f"{HERE}.Session", "()", "__enter__", "()", "request"),
    "class-fake": _fake_class(f"{HERE}.Session", FakeSession),
    "class-subclass": _fake_class(f"{HERE}.Session", FakeSubclass),
    "class-mock-fake": mock_of_fake_session,
}


def use_of(form: str) -> str:
    """The use of requests in the service that a form replaces."""
    return max((use for use in weather.USES if form.startswith(f"{use}-")), key=len)
