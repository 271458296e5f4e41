"""From exceptions to messages and exit codes: 0 done, 1 the simulation failed, 2 the input was wrong, 130 interrupted."""

from __future__ import annotations

import os
import re
import sys
import traceback
from typing import TYPE_CHECKING

from chipsim.errors import ChipsimError, InputError, ScenarioError

if TYPE_CHECKING:
    from chipsim.scenario import Scenario

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
TRACEBACK_VARIABLE = "CHIPSIM_TRACEBACK"
_KEYED = re.compile(r"([a-z_]+(?:\.[a-z0-9_]+|\[[0-9]+\])+): ")


def report(error: BaseException) -> int:
    """Write what went wrong to stderr, without traceback, and return the exit code."""
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        say(f"interrupted{f': {error}' if str(error) else ''}")
        return INTERRUPTED
    if isinstance(error, ScenarioError):
        say(str(error), prefix="")
        return WRONG_INPUT
    if isinstance(error, InputError):
        say(str(error))
        return WRONG_INPUT
    if isinstance(error, ChipsimError):
        say(str(error))
    elif isinstance(error, OSError):
        say(f"{error.filename or 'a file'}: {error.strerror or error}")
    elif isinstance(error, MemoryError):
        say("there is not enough memory for this scenario")
    else:
        say(f"an error inside chipsim, {type(error).__name__}: {error}; {TRACEBACK_VARIABLE}=1 shows where, for a report to the developers")
    return FAILED


def located(error: InputError, scenario: Scenario) -> InputError:
    """Put the place of a key before a message that begins with the key, `data.path: ...`."""
    match = _KEYED.match(str(error))
    origin = scenario.origins.get(match[1], "") if match else ""
    if not origin or isinstance(error, ScenarioError):
        return error
    return InputError(f"{origin}: {error}" if origin != "default" else f"{error} ({scenario.name} leaves {match[1] if match else ''} at its default)")


def say(text: str, prefix: str = "chipsim: ") -> None:
    """Write a message to stderr."""
    print(f"{prefix}{text}", file=sys.stderr, flush=True)
