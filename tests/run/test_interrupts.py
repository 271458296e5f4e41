"""Ctrl-C waits for the end of what must not be broken off."""

from __future__ import annotations

import os
import signal

import pytest

from chipsim.run.interrupts import interrupts_held, stop_asked


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


def test_the_first_ctrl_c_is_a_question_and_the_second_an_answer():
    """Inside the block one press is only noted; another one interrupts at once, and the former handler is back."""
    before, noted = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with stop_asked() as asked:
            noted.append(asked())
            os.kill(os.getpid(), signal.SIGINT)
            noted.append(asked())
            os.kill(os.getpid(), signal.SIGINT)
            noted.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert noted == [False, True]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("block", [interrupts_held, stop_asked])
def test_a_programs_own_handler_is_left_alone(block):
    """Where a program does something else on Ctrl-C, it goes on doing that."""
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        with block():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
