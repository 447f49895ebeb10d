"""Whether something that happens in a repository starts one of its workflows: its events and their filters."""

import yaml

from interlock.adapters.github.workflows.conditions import TAGS, Happening, every, short, some
from interlock.adapters.github.workflows.patterns import selects
from interlock.adapters.github.workflows.yaml_nodes import child, entries, items, text_of

# More patterns or types than anybody lists.
MOST_TEXTS = 200


def starts(top: yaml.MappingNode, happening: Happening) -> bool | None:
    """Whether something that happens starts a workflow."""
    on = child(top, "on")
    if not isinstance(on, yaml.MappingNode):
        named = {text_of(node) for node in ([on] if isinstance(on, yaml.ScalarNode) else items(on))}
        return happening.event in named and _fits(None, happening)
    found = {name: config for name, _, config in entries(on)}
    return happening.event in found and _fits(found[happening.event], happening)


def _fits(config: yaml.Node | None, happening: Happening) -> bool | None:
    """Whether the settings of its event admit it."""
    match happening.event:
        case "push":
            return some(_push(config, ref, happening.paths) for ref in happening.refs)
        case "pull_request" | "pull_request_target":
            closes = "closed" in _texts(config, "types")
            return closes and every((_branch(config, happening), _paths(config, happening.paths)))
        case "workflow_run":
            named = bool(happening.actions & set(_texts(config, "workflows")))
            return named and _branch(config, happening)
        case "release" | "repository_dispatch":
            types = _texts(config, "types")
            return not types or bool(happening.actions & set(types))
    return True


def _branch(config: yaml.Node | None, happening: Happening) -> bool | None:
    return some(_selected(config, "branches", short(ref)) is not False for ref in happening.refs)


def _push(config: yaml.Node | None, ref: str, paths: tuple[str, ...]) -> bool | None:
    own, other = ("tags", "branches") if ref.startswith(TAGS) else ("branches", "tags")
    chosen = _selected(config, own, short(ref))
    if chosen is None:  # not filtered; but a filter of the other kind alone leaves this kind out
        return False if _selected(config, other, "") is not None else _paths_of(config, ref, paths)
    return chosen and _paths_of(config, ref, paths)


def _paths_of(config: yaml.Node | None, ref: str, paths: tuple[str, ...]) -> bool | None:
    return True if ref.startswith(TAGS) else _paths(config, paths)


def _paths(config: yaml.Node | None, paths: tuple[str, ...]) -> bool | None:
    if child(config, "paths") is None and child(config, "paths-ignore") is None:
        return True
    return True if any(_selected(config, "paths", path) for path in paths) else None


def _selected(config: yaml.Node | None, name: str, text: str) -> bool | None:
    """Whether a filter, or the one that ignores, admits a name; None without either."""
    if child(config, name) is not None:
        return selects(_texts(config, name), text)
    if child(config, f"{name}-ignore") is not None:
        return not selects(_texts(config, f"{name}-ignore"), text)
    return None


def _texts(config: yaml.Node | None, name: str) -> tuple[str, ...]:
    node = child(config, name)
    nodes = (node,) if isinstance(node, yaml.ScalarNode) else items(node)
    return tuple(text for each in nodes[:MOST_TEXTS] if (text := text_of(each)))
