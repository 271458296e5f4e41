"""Write the README's scenario reference from the parameter classes: `python plots/readme_tables.py`.

A test compares README and classes, so that the reference cannot fall behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from chipsim.scenario.model import Parameters
from chipsim.spec import Spec
from chipsim.units import format_time

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- scenario-reference:begin -->", "<!-- scenario-reference:end -->"
LIMITS = {"gt": "> {}", "ge": "≥ {}", "lt": "< {}", "le": "≤ {}", "min_length": "at least {}"}


def part_class(annotation: Any) -> type[Spec] | None:
    """Return the parameter class behind a field's annotation, also where it is optional."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Spec):
            return candidate
    return None


def parts(spec: type[Spec], prefix: str = "") -> Iterator[tuple[str, type[Spec]]]:
    """Yield every TOML table of a scenario with its class, parents first."""
    yield prefix, spec
    for name, field in spec.model_fields.items():
        part = part_class(field.annotation)
        if part is not None:
            yield from parts(part, f"{prefix}.{name}" if prefix else name)


def choices(annotation: Any) -> list[str]:
    """Return the values that a field may take, where they can be listed."""
    if get_origin(annotation) is Literal:
        return [f"`{value}`" for value in get_args(annotation)]
    return [choice for part in get_args(annotation) for choice in choices(part)]


def limits(metadata: list[Any]) -> str:
    """Return a field's limits in words: `≥ 0, < 1`."""
    found = {key: getattr(item, key) for item in metadata for key in LIMITS if getattr(item, key, None) is not None}
    time = any((getattr(item, "json_schema", None) or {}).get("x-unit") == "ps" for item in metadata)
    return ", ".join(text.format(limit(found[key], time=time)) for key, text in LIMITS.items() if key in found)


def limit(value: Any, *, time: bool) -> str:
    """Return one limit as people write it; times are held in picoseconds."""
    if time and value:
        return format_time(int(value))
    return "2^63" if value == 2**63 else str(value)


def row(table: str, name: str, spec: type[Spec], default: Any) -> str:
    """Return one line of the reference: key, default, what is allowed, meaning, origin of the default."""
    field = spec.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    origin = ": ".join(str(part) for part in (extra.get("basis"), extra.get("source")) if part)
    written = field.default if isinstance(field.default, str) else default
    shown = "" if written is None else f"`{json.dumps(written, ensure_ascii=False)}`"
    allowed = ", ".join(part for part in (*choices(field.annotation), limits(field.metadata)) if part)
    key = f"{table}.{name}" if table else name
    return "| " + " | ".join((f"`{key}`", shown, allowed, field.description or "", origin)) + " |"


def table_of(table: str, spec: type[Spec]) -> list[str]:
    """Return one table of the reference as lines of Markdown."""
    defaults = spec().model_dump(mode="json")
    names = [name for name, field in spec.model_fields.items() if part_class(field.annotation) is None]
    if not names:
        return []
    summary = (spec.__doc__ or "").strip().splitlines()[0]
    heading = f"**`[{table}]`** {summary}" if table else f"**At the top of the file.** {summary}"
    head = ["", heading, "", "| key | default | allowed | meaning | origin of the default |", "| --- | --- | --- | --- | --- |"]
    return head + [row(table, name, spec, defaults[name]) for name in names]


def reference() -> str:
    """Return the whole scenario reference as Markdown."""
    return "\n".join(line for table, spec in parts(Parameters) for line in table_of(table, spec)).strip()


def main() -> None:
    """Rewrite the reference between its two marks in the README."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}", encoding="utf-8")
    print(f"wrote {README.name}")


if __name__ == "__main__":
    main()
