"""Holding Ctrl-C back while something must not be broken off; a batch system's SIGTERM likewise, where it is taken for Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C take effect at the end of the block: compilers of machine code, and imports, do not survive it in the middle.

    Raises
    ------
    KeyboardInterrupt
        at the end, if it was asked for meanwhile and that is what it leads to.
    """
    asked: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        del frame
        asked.append(number)

    with _handled(remember):
        yield
    if asked:
        signal.raise_signal(asked[0])


@contextmanager
def stop_asked() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C has been pressed in the block, so that it can end where it is whole.

    Raises
    ------
    KeyboardInterrupt
        at once, when it is pressed a second time.
    """
    asked: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if asked:
            signal.default_int_handler(number, frame)
        asked.append(number)

    with _handled(remember):
        yield lambda: bool(asked)


_ours: set[Handler] = set()
"""Handlers that stand in for an interrupt now, one block inside another."""


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    """Have a handler called instead of an interrupt being raised; nothing else that a program does with its signals is touched."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    raising = {number: old for number, old in before.items() if old is signal.default_int_handler or old in _ours}
    _ours.add(handler)
    for number in raising:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in raising.items():
            signal.signal(number, old)
        _ours.discard(handler)
