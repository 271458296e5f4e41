"""The command line: parsing and printing, nothing else.

Commands import what they need when they run, so that help and checks answer at once.
"""

from __future__ import annotations

from chipsim.cli.commands import app, main

__all__ = ["app", "main"]
