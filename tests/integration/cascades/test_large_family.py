"""A family of 60 packages in 8 layers: each is released once, after all of its upstreams, branches side by side."""

import asyncio
import random
import tomllib
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from interlock.adapters.ledger import open_ledger
from interlock.model.cascade import Cascade, Outcome, State
from rehearsal import seeding
from rehearsal.released import Released
from rehearsal.template import Commit, History, Repository, Template
from rehearsal.world import World
from tests.support.rehearsed_cascade import RehearsedCascade, quickly, rehearse_cascade
from tests.support.universe.packages import make_sdist, make_wheel

LAYERS = (1, 8, 10, 10, 10, 9, 7, 5)
LONG_AGO = datetime(2025, 10, 6, tzinfo=UTC)
Upstreams = dict[str, tuple[str, ...]]


def _family() -> Upstreams:
    """Each package with its upstreams: one to three of the layer before, now and then one of any earlier layer."""
    chance = random.Random(60)
    found: Upstreams = {}
    before: list[str] = []
    for layer, size in enumerate(LAYERS):
        names = [f"p{layer}-{number}" for number in range(size)]
        for name in names:
            near = chance.sample(before, min(len(before), chance.randint(1, 3)))
            far = chance.sample(list(found), 1) if len(found) > len(before) and chance.random() < 0.3 else []
            found[name] = tuple(dict.fromkeys([*near, *far]))
        before = names
    return found


FAMILY = _family()


def _project(name: str, version: str) -> str:
    pins = "".join(f'  "{upstream}=={version}",\n' for upstream in FAMILY[name])
    return f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [\n{pins}]\n'


def _template() -> Template:
    commit = Commit(message="feat: all of it", at=LONG_AGO, version="1.0.0", tag="v1.0.0")
    history = History(author="Mara Keller <mara@example.org>", version_file="pyproject.toml", commits=(commit,))
    tables = "".join(f"[packages.{name}]\nupstreams = {list(upstreams)}\n" for name, upstreams in FAMILY.items())
    return Template(
        family_file=f'[family]\nname = "large"\nowner = "mjdevaccount"\n{tables}',
        repositories=tuple(
            Repository(name=name, history=history, files={"pyproject.toml": _project(name, "1.0.0").encode()})
            for name in FAMILY
        ),
    )


def _files(project: dict[str, Any], out: Path) -> Iterator[Path]:
    name, version = project["name"], project["version"]
    yield make_sdist(out, name, version, {"pyproject.toml": ""})
    yield make_wheel(out, name, version, files={f"{name}.py": ""}, requires=project["dependencies"])


async def _released(repositories: Collection[Repository], cache: Path) -> tuple[Released, ...]:
    projects = [tomllib.loads(each.files["pyproject.toml"].decode())["project"] for each in repositories]
    return tuple(Released(path, LONG_AGO) for project in projects for path in _files(project, cache))


@pytest.fixture
def large(tmp_path: Path) -> Iterator[RehearsedCascade]:
    """A world with the large family, and the flow in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seeding, "build_released", _released)
        patch.setattr(seeding, "THIRD_PARTY", ())
        (world := asyncio.run(World.create_or_open(tmp_path / "large", template=_template()))).close()
        open_ledger(SecretStr(f"sqlite:///{world.directory.ledger}")).close()
        with rehearse_cascade(tmp_path / "large", tmp_path / "world") as here, quickly(here):
            yield here


@pytest.mark.long
def test_each_is_released_once_after_its_upstreams_and_branches_side_by_side(large: RehearsedCascade) -> None:
    most = 0

    async def watch(cascade: Cascade) -> None:
        nonlocal most
        most = max(most, sum(each.state in {State.TESTING, State.RELEASING} for each in cascade.progress.values()))

    cascade = large.cascade("p0-0", watch=watch)

    assert cascade.outcome is Outcome.DONE
    assert {str(version) for version in cascade.released().values()} == {"1.0.1"}
    order = [tag.split()[0] for tag in large.tagged()]
    assert sorted(order) == sorted(FAMILY)
    for name, upstreams in FAMILY.items():
        assert all(order.index(upstream) < order.index(name) for upstream in upstreams), name
        assert large.git(name, "show", "main:pyproject.toml") == _project(name, "1.0.1").strip()
    assert len(large.uploaded()) == len(set(large.uploaded())) == 2 * len(FAMILY)
    assert most > LAYERS[1] / 2
