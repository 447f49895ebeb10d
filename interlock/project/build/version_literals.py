"""Looks into built wheels for versions that were left behind: what a user would import or read there."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from interlock.adapters.distributions import installed_path, module_names
from interlock.common import archives, python_source
from interlock.common.sanitize import cut
from interlock.errors import BuildError
from interlock.project.build.built_file import BuiltFile
from interlock.project.version.copies import TEXTS
from interlock.project.version.forms import Form, read_as
from interlock.project.version.own_packages import VERSION_MODULES, is_named
from interlock.project.version.python_names import leading_numbers

# A wheel of a namespace has dozens of packages; a module that holds a version has some kilobytes.
MOST_PACKAGES = 200
LARGEST_MODULE = 1 << 18
# A text that is a version and nothing else.
LARGEST_TEXT = 100
MOST_TEXTS = 500
LONGEST_PATH = 200


class LeftBehind(NamedTuple):
    """Versions in wheels that are not the one to be released.

    Attributes:
        wrong: Each `__version__` at the top of a package that is surely the distribution's own.
        remarks: Other places that still have the version of before.
    """

    wrong: tuple[str, ...]
    remarks: tuple[str, ...]


def left_behind(files: Collection[BuiltFile], name: str, before: Collection[Version]) -> LeftBehind:
    """The places in wheels that still hold a version of before.

    Args:
        files: The built files, which passed their check.
        name: The distribution's canonical name.
        before: The versions that the new one replaces.

    Raises:
        BuildError: A wheel can't be read.
    """
    found = dict[str, bool]()
    for file in files if before else ():
        if file.kind == "wheel":
            found |= _in_wheel(file.path, name, before)
    return LeftBehind(
        wrong=tuple(place for place, wrong in found.items() if wrong),
        remarks=tuple(f"the wheel's {place}" for place, wrong in found.items() if not wrong),
    )


def _in_wheel(path: Path, name: str, before: Collection[Version]) -> dict[str, bool]:
    """By place, whether it is surely wrong."""
    found = dict[str, bool]()
    try:
        with archives.open_zip(path) as archive:
            modules = _version_modules(archives.zip_names(archive), name)
            texts = 0
            for info in archive.infolist():
                inside = installed_path(info.filename)
                if inside in modules and info.file_size <= LARGEST_MODULE:
                    source = archives.zip_member(archive, info, LARGEST_MODULE)
                    found |= _in_module(inside, source, before, certain=modules[inside])
                elif (
                    inside and not inside.endswith(".py") and 0 < info.file_size <= LARGEST_TEXT and texts < MOST_TEXTS
                ):
                    texts += 1
                    found |= _in_text(inside, archives.zip_member(archive, info, LARGEST_TEXT), before)
    except archives.DAMAGE as error:
        raise BuildError(f"{path.name} can't be read as a wheel: {error}") from None
    return found


def _version_modules(names: Collection[str], name: str) -> dict[str, bool]:
    """The paths of modules that hold a version by custom, with whether their package is surely of the distribution."""
    owned = module_names(names)
    found = dict[str, bool]()
    for module in owned[:MOST_PACKAGES]:
        path = module.replace(".", "/")
        certain = len(owned) == 1 or is_named(Path(path), name)
        found |= dict.fromkeys((f"{path}.py", *(f"{path}/{stem}.py" for stem in VERSION_MODULES)), certain)
    return found


def _in_module(path: str, source: bytes, before: Collection[Version], *, certain: bool) -> dict[str, bool]:
    try:
        tree = python_source.parse(source)
    except SyntaxError:
        return {}
    at_top = set(map(id, tree.body))
    found = dict[str, bool]()
    for node in (each for each in ast.walk(tree) if isinstance(each, ast.Assign | ast.AnnAssign)):
        for name, text in _assigned(node):
            if _is_of(text, before):
                wrong = certain and name == TEXTS[0] and id(node) in at_top
                found[f'{cut(path, LONGEST_PATH)}:{node.lineno} has {name} = "{text}"'] = wrong
    return found


def _assigned(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, str]]:
    value = node.value
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if not isinstance(target, ast.Name):
            continue
        if isinstance(value, ast.Constant) and target.id in TEXTS and isinstance(value.value, str):
            yield target.id, value.value
        elif isinstance(value, ast.Tuple) and "version" in target.id.lower():
            yield target.id, ".".join(str(number.value) for number in leading_numbers(value))


def _is_of(text: str, before: Collection[Version]) -> bool:
    return read_as(Form.TEXT, text) in before


def _in_text(path: str, content: bytes, before: Collection[Version]) -> dict[str, bool]:
    text = content.decode(errors="replace").strip()
    return {f"{cut(path, LONGEST_PATH)} has the text {text}": False} if _is_of(text, before) else {}
