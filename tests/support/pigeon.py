"""A library that makes calls which are no HTTP, and its client, in both manners of programming."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NoReturn

from flask_filibuster.instrumentation.clients.base import (
    AsyncOutgoingCall,
    Client,
    OutgoingCall,
    Patch,
    current_scope,
    perform,
    perform_async,
)


class LostError(Exception):
    """No pigeon came back."""


class Loft:
    """The library: it sends notes to coops."""

    def __init__(self) -> None:
        self.delivered: list[str] = []

    def send(self, coop: str, note: str) -> str:
        self.delivered.append(note)
        return f"{coop} has {note!r}"

    async def send_async(self, coop: str, note: str) -> str:
        await asyncio.sleep(0)
        self.delivered.append(note)
        return f"{coop} has {note!r}"

    def deliver(self, coop: str, note: str) -> str:
        """By way of its own send."""
        return self.send(coop, note)


class _Failing:
    target: str

    def fail(self, kind: str, *, sent: bool) -> NoReturn:
        if kind != "ConnectionError":
            raise self.unknown(kind)  # type: ignore[attr-defined]
        raise LostError(f"{self.target} did {'' if sent else 'not '}get it")


class PigeonCall(_Failing, OutgoingCall[str]):
    def __init__(self, client: Client, send: Callable[[], str], coop: str) -> None:
        super().__init__(client, "SEND", target=coop, timeout=(1, 2), repeatable=True)
        self._send = send

    def send(self, headers: Mapping[str, str] | None) -> str:
        return self._send()


class AsyncPigeonCall(_Failing, AsyncOutgoingCall[str]):
    def __init__(
        self, client: Client, send: Callable[[], Coroutine[Any, Any, str]], coop: str
    ) -> None:
        super().__init__(client, "SEND", target=coop, timeout=(1, 2))
        self._send = send

    async def send(self, headers: Mapping[str, str] | None) -> str:
        return await self._send()


class Pigeon(Client):
    name = "pigeon"
    family = "queue"
    errors = (LostError,)

    def hold(self) -> Sequence[Patch]:
        return [
            Patch.hold(Loft, "send", self._wrap),
            Patch.hold(Loft, "send_async", self._wrap_async),
        ]

    def _wrap(self, original: Any, patch: Patch) -> Any:
        def send(loft: Loft, coop: str, note: str) -> str:
            if current_scope() is None or not patch.active:
                return str(original(loft, coop, note))
            return perform(PigeonCall(self, lambda: original(loft, coop, note), coop))

        return send

    def _wrap_async(self, original: Any, patch: Patch) -> Any:
        async def send_async(loft: Loft, coop: str, note: str) -> str:
            if current_scope() is None or not patch.active:
                return str(await original(loft, coop, note))
            call = AsyncPigeonCall(self, lambda: original(loft, coop, note), coop)
            return await perform_async(call)

        return send_async


class Carrier(Client):
    """A library built on the one above: its calls are made with that one's."""

    name = "carrier"
    family = "queue"
    built_on = frozenset({"pigeon"})

    def hold(self) -> Sequence[Patch]:
        return [Patch.hold(Loft, "deliver", self._wrap)]

    def _wrap(self, original: Any, patch: Patch) -> Any:
        def deliver(loft: Loft, coop: str, note: str) -> str:
            return perform(PigeonCall(self, lambda: original(loft, coop, note), coop))

        return deliver
