"""Holding Ctrl-C back while something must not be broken off; a batch system's SIGTERM likewise, where it is taken for Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C take effect at the end of the block: compilers of machine code do not survive it in the middle.

    Raises
    ------
    KeyboardInterrupt
        at the end, if it was asked for meanwhile.
    """
    asked: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        del frame
        asked.append(number)

    with _handled(remember):
        yield
    if asked:
        raise KeyboardInterrupt


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


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    """Have a handler called instead of an interrupt being raised; nothing else that a program does with its signals is touched."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    raising = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is signal.default_int_handler]
    for number in raising:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in raising:
            signal.signal(number, signal.default_int_handler)
