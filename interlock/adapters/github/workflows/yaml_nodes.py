"""YAML as it is written: nodes with their lines, before any schema makes a boolean of `on`."""

from collections.abc import Iterator

import yaml

# GitHub's own limit for a workflow file.
LARGEST = 512 * 1024


class UnreadableError(Exception):
    """A file that is not a YAML mapping; with the line where it fails, from 1."""

    def __init__(self, line: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.hint = hint


def compose(content: bytes) -> tuple[str, yaml.MappingNode]:
    """A file's text and its top node. An alias leads to the node that it names: nothing is copied, however nested.

    Raises:
        UnreadableError: It is too large, or is not text, YAML or a mapping.
    """
    if len(content) > LARGEST:
        raise UnreadableError(1, f"it is larger than the {LARGEST // 1024} KiB that GitHub reads")
    text = _text(content)
    try:
        top = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError(line, f"it is not YAML: {error.reason}") from None
    except RecursionError:
        raise UnreadableError(1, "it is nested too deeply") from None
    if top is None:
        raise UnreadableError(1, "it is empty")
    if not isinstance(top, yaml.MappingNode):
        raise UnreadableError(line_of(top), "it is not a mapping", "a workflow has the keys `on` and `jobs`")
    return text, top


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(line, "it is not UTF-8 text") from None


def _not_yaml(error: yaml.MarkedYAMLError) -> UnreadableError:
    mark = error.problem_mark or error.context_mark
    return UnreadableError(mark.line + 1 if mark else 1, f"it is not YAML: {error.problem or error.context}")


def line_of(node: yaml.Node) -> int:
    """The first line of a node, from 1."""
    return int(node.start_mark.line) + 1


def text_of(node: yaml.Node | None) -> str | None:
    """The text of a scalar, as it is written; None for another node."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def is_empty(node: yaml.Node) -> bool:
    """Whether a value is missing, or an explicit null."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """The keys of a mapping, with their nodes and values; none for another node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield str(key.value), key, value


def child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The value of a key of a mapping."""
    return next((value for key, _, value in entries(node) if key == name), None)


def items(node: yaml.Node | None) -> tuple[yaml.Node, ...]:
    """The items of a sequence; none for another node."""
    return tuple(node.value) if isinstance(node, yaml.SequenceNode) else ()


def everything(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """Every key and value of every mapping at or below a node, each node once however many aliases lead to it."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        for key, _, value in entries(found):
            yield key, value
            waiting.append(value)
        waiting += items(found)
