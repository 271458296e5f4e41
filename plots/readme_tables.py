"""Write the README's scenario reference from the parameter classes: `python plots/readme_tables.py`.

A test compares README and classes, so that the reference cannot fall behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from chipsim.scenario.model import Parameters
from chipsim.scenario.schema import elements_of, table_of, unit_of
from chipsim.scenario.writing import toml_value
from chipsim.spec import Spec, default_of
from chipsim.units import format_time

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- scenario-reference:begin -->", "<!-- scenario-reference:end -->"
LIMITS = {"gt": "> {}", "ge": "≥ {}", "lt": "< {}", "le": "≤ {}", "min_length": "at least {}"}
EACH = "[n]"
"""Stands behind the name of an array of tables: what follows is a key of each of its elements."""


def parts(spec: type[Spec], prefix: str = "") -> Iterator[tuple[str, type[Spec]]]:
    """Yield every TOML table of a scenario with its class, parents first; an array of tables once, as `name[n]`."""
    yield prefix, spec
    for name, field in spec.model_fields.items():
        table, element = table_of(field), elements_of(field)
        inner = table or element
        if inner:
            yield from parts(inner, f"{prefix}.{name}".removeprefix(".") + (EACH if element else ""))


def choices(annotation: Any) -> list[str]:
    """Return the values that a field may take, where they can be listed."""
    if get_origin(annotation) is Literal:
        return [f"`{value}`" for value in get_args(annotation)]
    return [choice for part in get_args(annotation) for choice in choices(part)]


def limits(field: FieldInfo) -> str:
    """Return a field's limits in words: `≥ 0, < 1`."""
    found = {key: getattr(item, key) for item in field.metadata for key in LIMITS if getattr(item, key, None) is not None}
    time = unit_of(field) == "ps"
    return ", ".join(text.format(limit(found[key], time=time)) for key, text in LIMITS.items() if key in found)


def limit(value: Any, *, time: bool) -> str:
    """Return one limit as people write it; times are held in picoseconds."""
    if time and value:
        return format_time(int(value))
    return "2^63" if value == 2**63 else str(value)


def default(spec: type[Spec], name: str) -> str:
    """Return the default of a field as a file would write it; nothing where it is left open, `required` where it must be given."""
    field = spec.model_fields[name]
    if field.is_required():
        return "required"
    value = field.default if isinstance(field.default, str) else default_of(spec, name)
    return "" if value is None else f"`{toml_value(value)}`"


def row(table: str, name: str, spec: type[Spec]) -> str:
    """Return one line of the reference: key, default, what is allowed, meaning, origin of the default."""
    field = spec.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    origin = ": ".join(str(part) for part in (extra.get("basis"), extra.get("source")) if part)
    allowed = ", ".join(part for part in (*choices(field.annotation), limits(field)) if part)
    key = f"{table}.{name}" if table else name
    return "| " + " | ".join((f"`{key}`", default(spec, name), allowed, field.description or "", origin)) + " |"


def opened(table: str) -> str:
    """Return how a file opens a table: `[a.b]`, or `[[a.b]]` for an element of an array of tables."""
    name = table.replace(EACH, "")
    return f"[[{name}]]" if table.endswith(EACH) else f"[{name}]"


def rows(table: str, spec: type[Spec]) -> list[str]:
    """Return one table of the reference as lines of Markdown."""
    names = [name for name, field in spec.model_fields.items() if table_of(field) is None and elements_of(field) is None]
    if not names:
        return []
    summary = (spec.__doc__ or "").strip().splitlines()[0]
    heading = f"**`{opened(table)}`** {summary}" if table else f"**At the top of the file.** {summary}"
    head = ["", heading, "", "| key | default | allowed | meaning | origin of the default |", "| --- | --- | --- | --- | --- |"]
    return head + [row(table, name, spec) for name in names]


def reference() -> str:
    """Return the whole scenario reference as Markdown."""
    return "\n".join(line for table, spec in parts(Parameters) for line in rows(table, spec)).strip()


def main() -> None:
    """Rewrite the reference between its two marks in the README."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}", encoding="utf-8")
    print(f"wrote {README.name}")


if __name__ == "__main__":
    main()
