"""Ctrl-C waits for the end of what must not be broken off."""

from __future__ import annotations

import os
import signal

import pytest

from chipsim.run.interrupts import interrupts_held


def test_an_interrupt_comes_at_the_end_of_the_block():
    """What stands in the block is done before the interrupt is felt, and the former handler is back."""
    before, done = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_comes_where_nothing_was_asked():
    """A block that nobody interrupts ends as if it were not there."""
    with interrupts_held():
        pass
