"""The command line: parsing and printing, nothing else.

Commands import what they need when they run, so that help and checks answer at once.
"""

from __future__ import annotations

from chipsim.cli import commands, compare, estimate, resume
from chipsim.cli.commands import main
from chipsim.cli.common import app

__all__ = ["app", "commands", "compare", "estimate", "main", "resume"]
