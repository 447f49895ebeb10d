"""Cuts the part that the rehearsal serves out of GitHub's public GraphQL schema.

The slice is `schema.graphql` beside the rehearsal's GraphQL endpoint. It says itself which types, fields and members of
unions are kept; interfaces, arguments, nullability, enums and inputs are taken from GitHub's own file: `schema.graphql`
of the npm package that PACKAGE names (MIT License, Copyright (c) GitHub 2025).

To serve another field, add a line for it to the slice, unpack the package and run this with the path of its file:
python -m tests.rehearsal.github.graphql_slice package/schema.graphql
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import graphql
from graphql.language import ast

from rehearsal.github.graphql import SCHEMA_FILE

# What has no fields to choose from comes along with the first field that needs it.
WHOLE = (ast.EnumTypeDefinitionNode, ast.ScalarTypeDefinitionNode, ast.InputObjectTypeDefinitionNode)
CHOSEN = (ast.ObjectTypeDefinitionNode, ast.InterfaceTypeDefinitionNode)
PACKAGE = "@octokit/graphql-schema@15.26.1"
HEAD = f"# A part of {PACKAGE} (MIT License, Copyright (c) GitHub 2025), cut out by graphql_slice.py"


def cut(whole: str, slice_: str) -> str:
    """The types and fields that a slice names, as the whole schema has them.

    Raises:
        KeyError: The whole schema has no such type or field.
        TypeError: A field is of a type that the slice does not have.
    """
    everything = _types(graphql.visit(graphql.parse(whole, no_location=True), _Bare()))
    chosen = _types(graphql.parse(slice_))
    kept: dict[str, ast.TypeDefinitionNode] = {}
    waiting = [name for name, node in chosen.items() if not isinstance(node, WHOLE)]
    while waiting:
        name = waiting.pop()
        if name not in kept and name not in graphql.specified_scalar_types:
            kept[name] = _kept(everything[name], chosen.get(name), chosen)
            waiting += [used for used in _named(kept[name]) if isinstance(everything.get(used), WHOLE)]
    text = "\n\n".join(graphql.print_ast(kept[name]) for name in sorted(kept))
    graphql.build_schema(text)
    return f"{HEAD}\n{text}\n"


class _Bare(graphql.Visitor):
    """Removes prose and GitHub's own directives."""

    def enter(self, node: ast.Node, *_: object) -> object:
        if isinstance(node, ast.DirectiveNode):
            node.arguments = ()  # why, in a sentence
            return None if node.name.value == "deprecated" else graphql.REMOVE
        if getattr(node, "description", None):
            node.description = None
        return None


def _types(document: ast.DocumentNode) -> dict[str, ast.TypeDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, ast.TypeDefinitionNode)}


def _kept(
    node: ast.TypeDefinitionNode, chosen: ast.TypeDefinitionNode | None, types: dict[str, ast.TypeDefinitionNode]
) -> ast.TypeDefinitionNode:
    if isinstance(node, CHOSEN) and isinstance(chosen, CHOSEN):
        fields = {field.name.value: field for field in node.fields}
        node.interfaces = _those(node.interfaces, types)
        promised = (types[interface.name.value] for interface in node.interfaces)
        names = {field.name.value for one in (chosen, *promised) if isinstance(one, CHOSEN) for field in one.fields}
        node.fields = tuple(fields[name] for name in sorted(names))
    if isinstance(node, ast.UnionTypeDefinitionNode):
        node.types = _those(node.types, types)
    return node


def _those(
    named: Sequence[ast.NamedTypeNode], types: dict[str, ast.TypeDefinitionNode]
) -> tuple[ast.NamedTypeNode, ...]:
    return tuple(one for one in named if one.name.value in types)


def _named(node: object) -> Iterator[str]:
    """The names of the types that a definition uses."""
    if isinstance(node, ast.NamedTypeNode):
        yield node.name.value
    elif isinstance(node, (list, tuple)):
        for one in node:
            yield from _named(one)
    elif isinstance(node, ast.Node):
        for key in node.keys:
            yield from _named(getattr(node, key, None))


if __name__ == "__main__":
    SCHEMA_FILE.write_text(cut(Path(sys.argv[1]).read_text("utf-8"), SCHEMA_FILE.read_text("utf-8")), "utf-8")
