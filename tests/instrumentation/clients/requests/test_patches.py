"""What is patched, what is left alone, and that all is as before afterwards."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from flask import request
from flask.typing import ResponseReturnValue
from requests.adapters import BaseAdapter, HTTPAdapter

from flask_filibuster import Filibuster, explore, instrument_requests
from flask_filibuster.instrumentation.frames import Scope, enter
from tests.support.callers import LEAF, ended, service, serving


class TestWhatIsLeftAlone:
    @pytest.mark.parametrize(
        ("excluded", "url", "seen"),
        [
            (["leaf"], "http://leaf/ok", False),
            (["LEAF"], "http://Leaf/ok", False),
            (["eaf"], "http://leaf/ok", True),
            ([".internal"], "http://a.b.internal/ok", False),
            ([".internal"], "http://internal/ok", True),
            (["internal"], "http://a.internal/ok", True),
            ([], "http://leaf/ok", True),
        ],
    )
    def test_calls_to_excluded_hosts(self, excluded: list[str], url: str, *, seen: bool) -> None:
        marked = []

        def see() -> ResponseReturnValue:
            marked.append("X-Filibuster-Request-Id" in request.headers)
            return "fine"

        services = {url.removesuffix("/ok"): service(ok=see)}
        config = {"FILIBUSTER_EXCLUDED_HOSTS": excluded}
        end, calls = ended(lambda: requests.get(url, timeout=1), services, config=config)
        assert end.text == "fine"
        assert len(calls) == int(seen)
        assert marked == [seen]

    def test_excluded_hosts_receive_no_headers(self) -> None:
        received = []

        def see() -> ResponseReturnValue:
            received.append(dict(request.headers))
            return "fine"

        config = {"FILIBUSTER_EXCLUDED_HOSTS": ["127.0.0.1"]}
        with serving(service(see=see)) as url:
            _, calls = ended(lambda: requests.get(f"{url}/see", timeout=2), {}, config=config)
        assert calls == ()
        assert not any(name.startswith("X-Filibuster") for name in received[0])

    def test_apps_that_switch_it_off(self) -> None:
        config = {"FILIBUSTER_INSTRUMENT_REQUESTS": False}
        end, calls = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF, config=config)
        assert end.text == "fine"
        assert calls == ()

    def test_settings_belong_to_one_app(self) -> None:
        middle = service(on=lambda: requests.get("http://leaf/ok", timeout=1).text)
        _, calls = ended(
            lambda: requests.get("http://middle/on", timeout=1),
            {"http://middle": middle, **LEAF},
            config={"FILIBUSTER_INSTRUMENT_REQUESTS": False},
        )
        # Who is called by a call that is not seen cannot know on whose behalf.
        assert calls == ()
        Filibuster(middle, service_name="middle")
        _, calls = ended(
            lambda: requests.get("http://middle/on", timeout=1), {"http://middle": middle, **LEAF}
        )
        assert [call.source for call in calls] == ["front", "middle"]


@contextmanager
def within(scope: Scope) -> Iterator[None]:
    enter(scope)
    try:
        yield
    finally:
        enter(None)


def patched() -> list[Any]:
    from asyncio import BaseEventLoop

    return [
        requests.Session.__dict__["get_adapter"],
        HTTPAdapter.__dict__["send"],
        _thread.start_new_thread,
        ThreadPoolExecutor.__dict__["submit"],
        BaseEventLoop.__dict__["create_task"],
    ]


class TestSwitchingOnAndOff:
    @pytest.fixture(autouse=True)
    def _originals_are_back_afterwards(self) -> Iterator[None]:
        self.originals = patched()
        yield
        assert all(a is b for a, b in zip(self.originals, patched(), strict=True))

    def test_release_restores_the_same_objects(self) -> None:
        hold = instrument_requests()
        assert not any(a is b for a, b in zip(self.originals, patched(), strict=True))
        hold.release()

    def test_replacements_look_like_originals(self) -> None:
        with instrument_requests():
            for original, replacement in zip(self.originals, patched(), strict=True):
                assert replacement.__name__ == original.__name__
                assert replacement.__doc__ == original.__doc__

    def test_twice_is_as_once(self) -> None:
        with instrument_requests():
            once = patched()
            with instrument_requests():
                assert patched() == once
            assert patched() == once

    def test_holds_are_released_in_any_order(self) -> None:
        first, second, third = (instrument_requests() for _ in range(3))
        for hold in (second, first):
            hold.release()
            assert patched() != self.originals
        third.release()

    def test_second_release_does_nothing(self) -> None:
        first, second = instrument_requests(), instrument_requests()
        first.release()
        first.release()
        assert patched() != self.originals
        second.release()

    def test_with_block_may_raise(self) -> None:
        with pytest.raises(LookupError), instrument_requests():
            raise LookupError

    def test_foreign_patch_on_top_stays(self) -> None:
        hold = instrument_requests()
        ours = requests.Session.get_adapter
        asked = []

        def theirs(self: requests.Session, url: str) -> BaseAdapter:
            asked.append(url)
            return ours(self, url)

        requests.Session.get_adapter = theirs  # type: ignore[method-assign]
        try:
            hold.release()
            assert requests.Session.__dict__["get_adapter"] is theirs
            session = requests.Session()
            with within(Scope(None, None)):  # As a thread is that an exploration left behind.
                assert session.get_adapter("http://x") is session.adapters["http://"]
            end, calls = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF)
            assert end.text == "fine"
            assert len(calls) == 1
            assert asked
            assert requests.Session.__dict__["get_adapter"] is theirs
        finally:
            requests.Session.get_adapter = ours  # type: ignore[method-assign]
        # Ours is what they found and put back; it is inert, and gone after the next use.
        assert session.get_adapter("http://x") is session.adapters["http://"]
        with instrument_requests():
            pass

    @pytest.mark.slow
    def test_threads_may_hold_and_release(self) -> None:
        begin = threading.Barrier(8, timeout=5)

        def hold_and_release() -> None:
            begin.wait()
            for _ in range(100):
                holds = [instrument_requests() for _ in range(3)]
                assert not any(a is b for a, b in zip(self.originals, patched(), strict=True))
                for hold in (holds[1], holds[0], holds[2]):
                    hold.release()

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(hold_and_release) for _ in range(8)]:
                done.result()

    def test_threads_release_a_hold_once(self) -> None:
        for _ in range(50):
            kept, shared = instrument_requests(), instrument_requests()
            with ThreadPoolExecutor(4) as pool:
                for done in [pool.submit(shared.release) for _ in range(8)]:
                    done.result()
            assert patched() != self.originals
            kept.release()

    def test_interrupted_exploration_leaves_nothing(self) -> None:
        def interrupted() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            explore(interrupted, LEAF)
