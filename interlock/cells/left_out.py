"""A pytest plugin, copied into a cell's environment: leaves out tests by their exact ids.

`--deselect` of pytest takes the beginnings of ids: with `test_x.py::test_one` it also leaves out `test_one_more`. It is
a module of its own since the workers of pytest-xdist load a plugin by its name. It uses the standard library only.
"""

from typing import Any

NAME = "_interlock_left_out"
OPTION = "--interlock-left-out"


def pytest_addoption(parser: Any) -> None:  # noqa: ANN401
    """Add the option, which has one id and may be repeated."""
    parser.addoption(OPTION, action="append", default=[], dest=NAME)


def pytest_collection_modifyitems(config: Any, items: "list[Any]") -> None:  # noqa: ANN401
    """Leave out the tests of these ids, with all parameters, and those of these classes."""
    ids = getattr(config.option, NAME)
    below = tuple(start for each in ids for start in (f"{each}[", f"{each}::"))
    left_out = {item for item in items if item.nodeid in ids or item.nodeid.startswith(below)}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]
