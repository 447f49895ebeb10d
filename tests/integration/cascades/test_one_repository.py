"""Packages of one repository: released, proposed and cascaded side by side, each from its own directory."""

import asyncio
from typing import Any

import pytest

from interlock.cascades.verify import Proof
from interlock.model.release import Step
from interlock.releases.step_timer import StepEvent
from rehearsal.github.released import releases
from tests.support.rehearsed_cascade import RehearsedCascade, all_is_green, states, versions
from tests.support.rehearsed_release import CORE

ONE, TWO, THREE = "acme-one", "acme-two", "acme-three"
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.1.0"
readme = "README.md"
dependencies = {requires}
"""
MEMBER = """
[packages.{name}]
repository = "market-data-core"
directory = "plugins/{name}"
tag = "{name}-v{{version}}"
upstreams = {upstreams}
follows = "always"
"""


def a_project(name: str, *requires: str) -> dict[str, bytes]:
    """The files of a package below its directory."""
    files = {
        "pyproject.toml": PROJECT.format(name=name, requires=[f"{each}>=0.1.0" for each in requires]),
        "README.md": f"# {name}\n",
        f"src/{name.replace('-', '_')}/__init__.py": "",
    }
    return {f"plugins/{name}/{path}": text.encode() for path, text in files.items()}


@pytest.fixture
def shared(here: RehearsedCascade) -> RehearsedCascade:
    """Three packages beside the core in its repository; two and three require one."""
    here.commit(CORE, {**a_project(ONE), **a_project(TWO, ONE), **a_project(THREE, ONE)}, "feat: plugins")
    here.commit(CORE, {f"plugins/{TWO}/note.txt": b""}, "fix: of two alone")
    here.commit(CORE, {"note.txt": b""}, "fix: of the core alone")
    file = here.world.directory.family_file
    members: tuple[tuple[str, list[str]], ...] = ((ONE, []), (TWO, [ONE]), (THREE, [ONE]))
    text = file.read_text("utf-8") + "".join(MEMBER.format(name=name, upstreams=up) for name, up in members)
    file.write_text(text, "utf-8")
    return here


async def nothing(_step: Step, _event: StepEvent) -> None:
    return


def notes(here: RehearsedCascade) -> dict[str, str]:
    """The notes of each release on GitHub."""
    return {each.tag: each.body or "" for each in releases(here.serving.github).values()}


def changed(here: RehearsedCascade, tag: str) -> list[str]:
    return here.git(CORE, "diff", "--name-only", f"{tag}^", tag).splitlines()


def test_a_package_is_released_from_its_directory_while_another_one_of_the_repository_is(
    shared: RehearsedCascade, quick: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    async def meanwhile(step: Step, event: StepEvent) -> None:
        if step is Step.PUSH and event is StepEvent.BEGINS and not done:
            done.append(str((await shared.release_async(TWO, watch=nothing)).version))

    release = shared.release(ONE, watch=meanwhile)

    assert (str(release.version), release.tag, done) == ("0.1.1", f"{ONE}-v0.1.1", ["0.1.1"])
    assert changed(shared, f"{ONE}-v0.1.1") == [f"plugins/{ONE}/pyproject.toml"]
    assert changed(shared, f"{TWO}-v0.1.1") == [f"plugins/{TWO}/pyproject.toml"]
    assert shared.git(CORE, "rev-parse", f"{ONE}-v0.1.1^") == shared.git(CORE, "rev-parse", f"{TWO}-v0.1.1^{{}}")
    said = notes(shared)
    assert "feat: plugins" in said[f"{ONE}-v0.1.1"]
    assert "of two alone" not in said[f"{ONE}-v0.1.1"]
    assert "of two alone" in said[f"{TWO}-v0.1.1"]

    core = shared.release(CORE, watch=nothing)

    assert (str(core.version), core.tag) == ("1.2.11", "v1.2.11")
    assert "fix: of the core alone" in notes(shared)["v1.2.11"]
    assert "plugins" not in notes(shared)["v1.2.11"]


def test_a_cascade_releases_those_of_one_repository_one_after_another(
    shared: RehearsedCascade, quick: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = [0, 0]

    async def counted(*proved: Any) -> Proof:
        at_once[:] = at_once[0] + 1, max(at_once[0] + 1, at_once[1])
        await asyncio.sleep(0.1)
        at_once[0] -= 1
        return await all_is_green(*proved)

    shared.instead["prove"] = counted

    cascade = shared.cascade(ONE)

    # Where one is released, the branch moves on which the other would be proved.
    assert at_once[1] == 1
    assert states(cascade) == dict.fromkeys((ONE, TWO, THREE), "released")
    assert versions(cascade) == dict.fromkeys((ONE, TWO, THREE), "0.1.1")
    for name in (TWO, THREE):
        assert changed(shared, f"{name}-v0.1.1") == [f"plugins/{name}/pyproject.toml"]
        assert '+dependencies = ["acme-one>=0.1.1"]' in [
            line.replace("'", '"') for line in shared.lines(CORE, f"{name}-v0.1.1")
        ]
        assert f"{ONE}-v0.1.1" in shared.git(CORE, "tag", "--merged", f"{name}-v0.1.1").split()
    assert len(set(shared.tagged())) == 3
