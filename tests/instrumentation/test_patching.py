"""Patches of attributes that are inherited, or that other libraries replace, too."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from flask_filibuster.instrumentation.patching import Patch

Wrap = Callable[[Any, Patch], Any]


class Base:
    def greet(self, name: str) -> str:
        return f"hello {name}"


@pytest.fixture(name="owner")
def _owner() -> type:
    return type("Owner", (Base,), {})


def loud(original: Any, patch: Patch) -> Any:
    def greet(self: Any, name: str) -> Any:
        said = original(self, name)
        return said.upper() if patch.active else said

    return greet


class ObjectProxy:
    """As in wrapt, and in the copies of it in other libraries."""


class Wrapper(ObjectProxy):
    """A wrapper like wrapt's: the instance comes from the binding, and attributes from below."""

    def __init__(self, wrapped: Any) -> None:
        self.__wrapped__ = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __get__(self, instance: Any, owner: type) -> Any:
        bound = self.__wrapped__.__get__(instance, owner)

        def call(*args: Any) -> str:
            assert instance is not None
            return f"<{bound(*args)}>"

        return call

    def __call__(self, *args: Any) -> Any:
        raise AssertionError("called without its instance")


def plainly(below: Any) -> Any:
    """A wrapper that shows nothing of what it wraps."""

    def greet(self: Any, name: str) -> str:
        return f"<{below(self, name)}>"

    return greet


class TestInheritedAttributes:
    def test_are_patched_for_one_class(self, owner: Any) -> None:
        patch = Patch.hold(owner, "greet", loud)
        assert owner().greet("you") == "HELLO YOU"
        assert Base().greet("you") == "hello you"
        patch.release()
        assert "greet" not in vars(owner)
        assert owner().greet("you") == "hello you"

    def test_are_patched_beside_their_base(self, owner: Any) -> None:
        base = Patch.hold(Base, "greet", loud)
        patch = Patch.hold(owner, "greet", loud)
        assert patch is not base
        patch.release()
        assert owner().greet("you") == "HELLO YOU"
        base.release()
        assert Base().greet("you") == "hello you"


class TestOtherWrappers:
    @pytest.mark.parametrize("wrap", [Wrapper, plainly], ids=["wrapt", "plain"])
    def test_below_ours_go_on(self, owner: Any, wrap: Any) -> None:
        owner.greet = theirs = wrap(Base.greet)
        patch = Patch.hold(owner, "greet", loud)
        assert owner().greet("you").upper() == "<HELLO YOU>"
        patch.release()
        assert vars(owner)["greet"] is theirs

    @pytest.mark.parametrize("wrap", [Wrapper, plainly], ids=["wrapt", "plain"])
    def test_above_ours_stay(self, owner: Any, wrap: Any) -> None:
        patch = Patch.hold(owner, "greet", loud)
        owner.greet = theirs = wrap(vars(owner)["greet"])
        assert owner().greet("you") == "<HELLO YOU>"
        patch.release()
        assert vars(owner)["greet"] is theirs
        assert owner().greet("you") == "<hello you>"
        again = Patch.hold(owner, "greet", loud)
        assert owner().greet("you") == "<HELLO YOU>"
        again.release()
        assert owner().greet("you") == "<hello you>"

    @pytest.mark.parametrize("first", ["theirs", "ours"])
    def test_come_off_under_a_patch(self, owner: Any, first: str) -> None:
        owner.greet = Base.greet
        if first == "theirs":
            owner.greet = Wrapper(Base.greet)
        patch = Patch.hold(owner, "greet", loud)
        if first == "ours":
            owner.greet = Wrapper(vars(owner)["greet"])
        # As these libraries do, if the top is a wrapper of their own.
        assert isinstance(vars(owner)["greet"], Wrapper)
        owner.greet = vars(owner)["greet"].__wrapped__
        assert owner().greet("you") == "HELLO YOU"
        patch.release()
        assert vars(owner)["greet"] is Base.greet

    def test_keep_nothing_of_ours(self, owner: Any) -> None:
        owner.greet = Base.greet
        patch = Patch.hold(owner, "greet", loud)
        owner.greet = theirs = Wrapper(vars(owner)["greet"])
        patch.release()
        assert vars(owner)["greet"] is theirs
        assert theirs.__wrapped__ is Base.greet

    def test_may_copy_our_mark(self, owner: Any) -> None:
        patch = Patch.hold(Base, "greet", loud)
        owner.greet = plainly(Base.greet)
        vars(owner)["greet"].__dict__.update(vars(Base.greet))
        own = Patch.hold(owner, "greet", loud)
        assert own is not patch
        own.release()
        patch.release()

    def test_may_be_mocks(self, owner: Any) -> None:
        with mock.patch.object(owner, "greet", return_value="hi") as mocked:
            patch = Patch.hold(owner, "greet", loud)
            assert owner().greet("you") == "HI"
            mocked.assert_called_once_with("you")
            patch.release()
            assert owner.greet is mocked
        assert owner().greet("you") == "hello you"


def test_modules_are_patched_too() -> None:
    module: Any = types.ModuleType("greetings")
    module.greet = original = lambda name: f"hello {name}"

    def wrap(below: Any, _: Patch) -> Any:
        return lambda name: below(name).upper()

    patch = Patch.hold(module, "greet", wrap)
    assert module.greet("you") == "HELLO YOU"
    patch.release()
    assert module.greet is original
