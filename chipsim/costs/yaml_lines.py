"""Reading YAML of any origin: plain values alone, the line of every key, and little time and memory whatever the file.

PyYAML's `SafeLoader` makes no Python objects, but its constructors trust the text in three ways: a tag that does not fit its value
(`!!timestamp x`) ends in any exception, numbers on base 60 (`1:59:59`) take time with the square of their length, and merge keys (`<<`) can
multiply keys level by level.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.constructor import ConstructorError

from chipsim.costs.accelergy_files import LINES

_LONGEST_NUMBER = 2**13
"""Characters of a number."""
_MOST_MERGED = 2**18
"""Keys that all mappings of a file together take over from others; no table of Accelergy has any."""
_MERGE = "tag:yaml.org,2002:merge"
_STRING = "tag:yaml.org,2002:str"


class LinesLoader(yaml.SafeLoader):
    """Keeps the line of every key of a mapping, under the key `LINES`."""

    merged = 0
    """Keys that have been taken over by merging so far."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping with the lines of its keys."""
        keys = [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []  # a tag may say so of anything
        lines = {key.value: key.start_mark.line + 1 for key in keys if isinstance(key, yaml.ScalarNode)}
        return super().construct_mapping(node, deep) | {LINES: lines}

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node.

        Raises
        ------
        ConstructorError
            with the line, whatever PyYAML raises for a value that does not fit its tag, and for very long numbers.
        """
        if isinstance(node, yaml.ScalarNode) and node.tag != _STRING and len(node.value) > _LONGEST_NUMBER:
            raise _refusal(node, f"a value of {len(node.value)} characters stands there that is no text")
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
            raise _refusal(node, f"the value does not fit its tag !!{node.tag.rpartition(':')[2][:60]} ({type(error).__name__}: {str(error)[:200]})") from None

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Resolve merge keys.

        Raises
        ------
        ConstructorError
            if they bring more than `_MOST_MERGED` keys.
        """
        sources = [value for key, value in node.value if key.tag == _MERGE]
        merged = [part for value in sources for part in (value.value if isinstance(value, yaml.SequenceNode) else [value])]
        for part in merged:
            if isinstance(part, yaml.MappingNode):
                self.flatten_mapping(part)
                self.merged += len(part.value)
            if self.merged > _MOST_MERGED:
                raise _refusal(node, f"merge keys bring more than {_MOST_MERGED} keys")
        super().flatten_mapping(node)


def _refusal(node: yaml.Node, problem: str) -> ConstructorError:
    return ConstructorError(None, None, problem, node.start_mark)
