"""A project's version as plain text, so that uv locks the project without its build back end.

uv asks the back end for the version of a project that declares it dynamic, though a lock does not hold it: it installs
the back end, which takes its time and may fail. With a version in the copy that uv works in, it need not.
"""

import re

from interlock.common.configuration_files import load_toml
from interlock.common.locate import locate

_HEADER = re.compile(r"^\[project\][^\n]*\n", re.MULTILINE)
# Each occurrence costs a parse; in `dynamic` it stands once.
MOST_OCCURRENCES = 50
# In place of "version": what uv does not need.
OTHER = "classifiers"


def is_dynamic(pyproject: str) -> bool:
    """Whether a `pyproject.toml` declares the version dynamic.

    Raises:
        ValueError: It is not valid.
    """
    project = load_toml(pyproject).get("project")
    dynamic = project.get("dynamic") if isinstance(project, dict) else None
    return isinstance(dynamic, list) and "version" in dynamic


def with_static_version(pyproject: str, version: str) -> str:
    """The same with a version; as it is where it has one, or where it can't be changed for certain.

    Raises:
        ValueError: It is not valid.
    """
    header = _HEADER.search(pyproject)
    if header is None or not is_dynamic(pyproject):
        return pyproject
    for quoted in ('"version"', "'version'"):
        found = pyproject.count(quoted) <= MOST_OCCURRENCES
        at = locate(pyproject, quoted, f'"{OTHER}"', lambda text: not _parsed_as_dynamic(text)) if found else None
        if at is not None:
            text = f'{pyproject[:at]}"{OTHER}"{pyproject[at + len(quoted) :]}'
            end = header.end() + (len(text) - len(pyproject) if at < header.start() else 0)
            return f'{text[:end]}version = "{version}"\n{text[end:]}'
    return pyproject


def _parsed_as_dynamic(text: str) -> bool:
    try:
        return is_dynamic(text)
    except ValueError:
        return True
