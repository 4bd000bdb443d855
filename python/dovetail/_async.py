"""Runs coroutines and asynchronous generators in the thread of their asset, and ends them on Ctrl-C."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

_loops: dict[asyncio.AbstractEventLoop, asyncio.Task[Any]] = {}
_lock = threading.Lock()


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What the coroutine returns."""
    return asyncio.run(_registered(coroutine))


async def _registered(coroutine: Any) -> Any:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    with _lock:
        _loops[loop] = task
    try:
        return await coroutine
    finally:
        with _lock:
            _loops.pop(loop, None)


def iterate(items: AsyncIterator[Any]) -> Any:
    """The items of an asynchronous iterator, in a loop of their own that sleeps between them."""
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                item = loop.run_until_complete(_registered(items.__anext__()))
            except StopAsyncIteration:
                return
            yield item
    finally:
        try:
            close = getattr(items, "aclose", None)
            if close is not None:
                loop.run_until_complete(close())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


def cancel_all() -> None:
    """Wakes every loop and cancels what it runs."""
    with _lock:
        for loop, task in _loops.items():
            try:
                loop.call_soon_threadsafe(task.cancel)
            except RuntimeError:
                # Closed a moment ago.
                pass
