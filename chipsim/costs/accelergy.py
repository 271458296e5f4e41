"""The section `[accelergy]` of a price table: prices and areas taken from the tables that Accelergy, Timeloop and CiMLoop write.

    extends = "bottom-up-14nm"
    [accelergy]
    node = "7 nm"
    energy = "ERT.yaml"                      # as seen from the table's file; ERT_summary.yaml will do
    area = "ART.yaml"
    [accelergy.actions]
    "read-out.conversion" = "adc.read"       # component.action
    "buffer.bit" = { action = "glb.read", arguments = { data_delta = 1 } }
    [accelergy.blocks]
    "read-out" = "adc"

What the section names is replaced, free of the table's factors; everything else stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from chipsim import units
from chipsim.costs.accelergy_files import Document, Entry, Top, hint, listed, read, shown
from chipsim.costs.blocks import BLOCKS
from chipsim.costs.table import PRICED, unit_of, unknown
from chipsim.errors import Fault, InputError
from chipsim.locator import Path as Key
from chipsim.locator import dotted
from chipsim.spec import Spec

SECTION = "accelergy"
"""Key of the section in a price table."""
_CONVERSION = "read-out.conversion"
_PLACEHOLDER = "dummy_table"
"""The estimator that Accelergy falls back on where it knows nothing: its numbers mean nothing."""


def _spelt_out(value: object) -> object:
    return {"action": value} if isinstance(value, str) else value


class Choice(Spec):
    """An action of an ERT, and which of its entries where they differ by their arguments."""

    action: str = Field(description="component.action; of the component the whole path, or as much of its end as tells it from others")
    arguments: dict[str, Any] = Field(default={}, description="only entries with these")
    take: Literal["average", "max", "min"] = Field(default="average", description="which energy of the entries that remain")


class Section(Spec):
    """What to take from which file."""

    node: str = Field(description="technology node of the components", min_length=1)
    energy: str | None = Field(default=None, description="path of an ERT or its summary, as seen from the table's file")
    area: str | None = Field(default=None, description="path of an ART or its summary, likewise")
    actions: dict[str, Annotated[Choice, BeforeValidator(_spelt_out)]] = Field(default={}, description="chipsim's action -> action of the ERT")
    blocks: dict[str, str] = Field(default={}, description="chipsim's block -> component of the ART")


class PricedTable(Spec):
    """The part of a price table's file that is read here."""

    accelergy: Section


def imported(section: Section, folder: Path, place: Callable[[Key], str]) -> tuple[dict[str, Any], dict[Key, str]]:
    """Return the entries of a price table that a section stands for, and the place of each.

    Parameters
    ----------
    folder
        that paths are relative to.
    place
        where a key of the table's file stands.

    Raises
    ------
    InputError
        naming all actions and blocks that are not known or cannot be taken from the files.
    """
    taking = _Taking(section, folder, place)
    for name in section.actions:
        taking.entry("actions", name, _check_action, _energy)
    for name in section.blocks:
        taking.entry("blocks", name, _check_block, _area)
    taking.check_use()
    if taking.faults:
        raise InputError("\n".join(dict.fromkeys(taking.faults)))
    return taking.values, taking.places


class _Taking:
    """Entries as they are taken one after the other, and what is wrong."""

    def __init__(self, section: Section, folder: Path, place: Callable[[Key], str]) -> None:
        self.section = section
        self.values: dict[str, Any] = {}
        self.places: dict[Key, str] = {}
        self.faults: list[str] = []
        self._folder = folder
        self._place = place
        self._documents: dict[Top, Document | None] = {}

    def entry(self, kind: Literal["actions", "blocks"], name: str, check: Callable[[str], None], take: Callable[..., tuple[str, str]]) -> None:
        """Take the entry of one action or block."""
        key: Key = (SECTION, kind, name)
        top, table, file = self._from(kind)
        wanted = self.section.actions[name] if kind == "actions" else self.section.blocks[name]
        try:
            check(name)
            document = self._document(top, table, file)
            if document is None:
                return
            value, what = take(document, wanted)
        except InputError as error:
            self._fault(key, str(error))
            return
        source = f"Accelergy {file}: {what}"
        values = {"value": value, "node": self.section.node, "source": source, "basis": "derived", "scaled": False}
        self._lay(table, name, values, key)
        if name == _CONVERSION:
            self._lay("converter", "what", source, key)

    def check_use(self) -> None:
        """See that a file is named where one is needed, and only there."""
        for kind, used in (("actions", self.section.actions), ("blocks", self.section.blocks)):
            _, table, file = self._from(kind)
            if used and file is None:
                self._fault((SECTION, table), f"is missing; {SECTION}.{kind} takes from it")
            if file is not None and not used:
                self._fault((SECTION, table), f"{file!r} is named, but {SECTION}.{kind} takes nothing from it")
        if not self.section.energy and not self.section.area and not self.faults:
            self._fault((SECTION,), "names neither an energy nor an area file")

    def _from(self, kind: str) -> tuple[Top, str, str | None]:
        """Return what `actions` or `blocks` are taken from, the table of prices they go to, and the file."""
        return ("ERT", "energy", self.section.energy) if kind == "actions" else ("ART", "area", self.section.area)

    def _document(self, top: Top, table: str, file: str | None) -> Document | None:
        """Return what a file holds; None where it is not named or could not be read, which is told once."""
        if top not in self._documents:
            self._documents[top] = None
            if file is not None:
                try:
                    self._documents[top] = read(self._folder / file, top)
                except InputError as error:
                    self._fault((SECTION, table), str(error))
        return self._documents[top]

    def _lay(self, table: str, name: str, values: Any, key: Key) -> None:
        self.values.setdefault(table, {})[name] = values
        for path in [(table, name), *((table, name, part) for part in (values if isinstance(values, dict) else ()))]:
            self.places[path] = self._place(key)

    def _fault(self, key: Key, message: str) -> None:
        self.faults.append(str(Fault(self._place(key), dotted(key), message)))


def _check_action(name: str) -> None:
    if name not in PRICED:
        raise InputError(unknown(name, PRICED, "action with a price"))
    if unit_of("energy", name) != "J":
        msg = f"has a price in {unit_of('energy', name)}, which an ERT does not have: it gives pJ per action"
        raise InputError(msg)


def _check_block(name: str) -> None:
    if name not in BLOCKS:
        raise InputError(unknown(name, BLOCKS, "block"))


def _energy(document: Document, choice: Choice) -> tuple[str, str]:
    """Return an energy as a price table holds it, and what it is that of."""
    component, _, action = choice.action.rpartition(".")
    if not component:
        msg = f"{choice.action!r} is no component.action"
        raise InputError(msg)
    entries = document.actions(component, action)
    entries = _with_arguments(document, entries, choice.arguments)
    what = f"{entries[0].component}.{action}" + "".join(f", {name} = {value}" for name, value in choice.arguments.items())
    if "energy" not in entries[0].values and f"{choice.take}_energy" in entries[0].values:
        numbers = [entries[0].number(f"{choice.take}_energy", document)]
        what += f", {choice.take} over its arguments"
    else:
        numbers = [entry.number("energy", document) for entry in entries]
        what += f", {choice.take} of {len(numbers)} combinations of arguments" if len(numbers) > 1 else ""
    value = {"average": math.fsum(numbers) / len(numbers), "max": max(numbers), "min": min(numbers)}[choice.take]
    return units.format_quantity(value, "pJ"), _with_estimators(what, entries[0])


def _area(document: Document, name: str) -> tuple[str, str]:
    """Return an area as a price table holds it, and what it is that of."""
    (entry,) = document.component(name)
    value = entry.number("area", document)
    what = _with_estimators(entry.component, entry)
    if value == 1.0 and not entry.estimators:
        what += "; 1 um2 exactly is what Accelergy's dummy_table gives where it knows nothing"
    return units.format_quantity(value, "um2"), what


def _with_arguments(document: Document, entries: tuple[Entry, ...], wanted: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Return the entries with certain arguments."""
    if wanted and document.summary:
        msg = f"{document.file} is a summary and has no arguments; take from the ERT itself"
        raise InputError(msg)
    known = list(dict.fromkeys(name for entry in entries for name in entry.arguments))
    for name in wanted:
        if name not in known:
            msg = f"{entries[0].component}.{entries[0].action} in {document.file} has no argument '{name}'; {hint(name, known, known)}"
            raise InputError(msg)
    found = tuple(entry for entry in entries if all(entry.arguments.get(name) == value for name, value in wanted.items()))
    if not found:
        there = [_written(entry.arguments) for entry in entries]
        msg = f"{entries[0].component}.{entries[0].action} in {document.file} has no entry with {_written(wanted)}; there is {listed(there)}"
        raise InputError(msg)
    return found


def _written(arguments: Mapping[str, Any]) -> str:
    return "(" + ", ".join(f"{name} = {shown(value)}" for name, value in arguments.items()) + ")"


def _with_estimators(what: str, entry: Entry) -> str:
    """Return what an entry is, with the estimators that a summary names.

    Raises
    ------
    InputError
        if its numbers are mere placeholders.
    """
    if entry.estimators == (_PLACEHOLDER,):
        msg = f"{entry.component} was estimated by {_PLACEHOLDER} alone, which gives placeholders; name an estimator's or give a price of your own"
        raise InputError(msg)
    return what + (f" ({', '.join(entry.estimators)})" if entry.estimators else "")
