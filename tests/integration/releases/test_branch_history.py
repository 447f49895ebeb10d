"""Which release a branch's history leads to: each test takes one world through several histories."""

import asyncio
import shutil

import pytest

from interlock.adapters.connections import access_from, open_connections
from interlock.model import family_file
from interlock.model.release import Release
from interlock.releases import prepare
from interlock.releases.context import open_release
from interlock.releases.plan import Plan, ReleaseRequest
from interlock.releases.requirements import DecisionError
from tests.support.rehearsed_release import CORE, RehearsedRelease

STORE = "market-data-store"


def planned(**request: object) -> Plan | Release:
    """What the step `bump` decides."""

    async def decide() -> Plan | Release:
        family = family_file.load()
        wanted = ReleaseRequest.model_validate({"package": CORE, **request})
        async with (
            open_connections(family, access_from(family)) as connections,
            open_release(wanted, connections) as context,
        ):
            return await prepare.bump(context, await prepare.checkout(context))

    return asyncio.run(decide())


def makes(**request: object) -> tuple[str, str, str | None]:
    """The version that is made, the one before, and the tag from which the notes begin."""
    plan = planned(**request)
    assert isinstance(plan, Plan)
    return str(plan.version), str(plan.previous), plan.previous_tag


def repeats(**request: object) -> str | None:
    """The release since which nothing is new."""
    found = planned(**request)
    return str(found.version) if isinstance(found, Release) and found.nothing_new else None


def on(here: RehearsedRelease, parent: str, branch: str, files: dict[str, bytes] | None = None, tag: str = "") -> None:
    """A commit on a ref, as the head of a branch, and a tag of it."""
    state = here.serving.github
    git = state.git(state.repository(f"mjdevaccount/{CORE}"))
    sha = git.write_commit(here.git(CORE, "rev-parse", f"{parent}^{{commit}}"), dict(files or {}), "feat: next")
    here.git(CORE, "update-ref", f"refs/heads/{branch}", sha)
    if tag:
        here.git(CORE, "update-ref", f"refs/tags/{tag}", sha)


def publish(here: RehearsedRelease, version: str) -> None:
    wheel = next(iter(here.world.directory.index.rglob("market_data_core-1.2.10-py3-none-any.whl")))
    copy = here.world.directory.path / f"market_data_core-{version}-py3-none-any.whl"
    shutil.copy2(wheel, copy)
    here.serving.index.add_file(copy)


def project(here: RehearsedRelease, ref: str, version: str) -> dict[str, bytes]:
    """The files of a ref that change with its version."""
    text = here.git(CORE, "show", f"{ref}:pyproject.toml").replace('version = "1.2.10"', f'version = "{version}"')
    return {"pyproject.toml": f"{text}\n".encode()}


def test_tags_and_versions_of_other_branches_are_no_base(here: RehearsedRelease) -> None:
    assert makes() == ("1.2.11", "1.2.10", "v1.2.10")

    on(here, "main", "next", tag="v2.0.0a1")
    plan = planned()
    assert isinstance(plan, Plan)
    assert (str(plan.version), str(plan.previous)) == ("1.2.11", "1.2.10")
    assert plan.remarks[0] == "2.0.0a1 was not counted: its tag v2.0.0a1 is not in this branch's history"

    on(here, "next", "next", tag="v2.0.0")
    publish(here, "2.0.0")
    for asked in ({}, {"cascade": "other-1.0"}):
        with pytest.raises(DecisionError, match=r"1\.2\.11 would be released below 2\.0\.0"):
            planned(**asked)
    assert makes(ref="main") == ("1.2.11", "1.2.10", "v1.2.10")
    assert makes(version="2.0.1") == ("2.0.1", "1.2.10", "v1.2.10")
    assert makes(version="1.2.11") == ("1.2.11", "1.2.10", "v1.2.10")

    here.git(CORE, "symbolic-ref", "HEAD", "refs/heads/next")  # main is the family file's, and a maintenance branch
    assert makes() == ("1.2.11", "1.2.10", "v1.2.10")


def test_the_index_is_asked_which_tags_are_releases(here: RehearsedRelease) -> None:
    here.serving.index.yank(CORE, "1.2.10")
    assert makes() == ("1.2.11", "1.2.9", "v1.2.9")
    assert makes(bump="minor") == ("1.3.0", "1.2.9", "v1.2.9")

    publish(here, "1.2.11")  # nobody has tagged it
    assert makes() == ("1.2.12", "1.2.11", "v1.2.9")

    on(here, "main", "main", tag="v20230101")
    with pytest.raises(DecisionError, match="the tag v20230101 has 20230101") as caught:
        planned()
    assert f"interlock release {CORE} --version" in str(caught.value.hint)
    assert makes(version="1.2.12")[0] == "1.2.12"

    on(here, "main", "main", project(here, "main", "1.2.12"), tag="v1.2.12")
    publish(here, "1.2.12")
    on(here, "main", "main", {"new.txt": b"new"})
    assert makes() == ("1.2.13", "1.2.12", "v1.2.12")  # a release has followed the date


def test_with_nothing_new_since_the_newest_release_there_is_nothing_to_release(here: RehearsedRelease) -> None:
    here.git(CORE, "update-ref", "refs/heads/main", "v1.2.10^{commit}")
    assert repeats() == repeats(bump="minor") == "1.2.10"
    on(here, "main", "main")  # a commit without a change
    assert repeats() == "1.2.10"
    assert makes(empty=True)[0] == makes(version="1.2.11")[0] == "1.2.11"

    on(here, "main", "main", project(here, "main", "1.2.11.dev0"))
    assert repeats() == "1.2.10"
    on(here, "main", "main", {"new.txt": b"new"})
    assert makes()[0] == "1.2.11"
    on(here, "main", "main", {"new.txt": None})  # type: ignore[dict-item]  # it was taken back
    assert repeats() == "1.2.10"

    here.git(STORE, "update-ref", "refs/heads/main", "v0.6.3^{commit}")
    follower = {"package": STORE, "cascade": "market-data-core-1.2.11"}
    assert repeats(**follower, pins={CORE: "1.2.0"}) == "0.6.3"
    assert makes(**follower, pins={CORE: "1.2.11"})[0] == "0.6.4"

    here.git(CORE, "update-ref", "refs/heads/main", "v1.2.10^{commit}")
    on(here, "main", "main", project(here, "main", "1.3.0rc1"), tag="v1.3.0rc1")
    publish(here, "1.3.0rc1")
    assert repeats(bump="minor,rc") == "1.3.0rc1"
    assert makes(bump="final") == makes() == ("1.3.0", "1.3.0rc1", "v1.3.0rc1")

    here.serving.index.delete(CORE, "1.3.0rc1")
    assert makes(bump="minor,rc")[0] == "1.3.0rc2"  # it was tagged, and never released


def test_a_squashed_release_is_the_branchs_newest_one(here: RehearsedRelease) -> None:
    here.git(CORE, "update-ref", "refs/heads/main", "v1.2.10^{commit}")
    on(here, "main", "release", {"new.txt": b"new"})
    on(here, "release", "release", project(here, "release", "1.2.11"), tag="v1.2.11")
    publish(here, "1.2.11")
    squashed = {**project(here, "main", "1.2.11"), "new.txt": b"new"}
    on(here, "main", "main", squashed)
    assert repeats() == "1.2.11"
    on(here, "main", "main", project(here, "main", "1.2.12.dev0"))
    assert repeats() == "1.2.11"

    on(here, "main", "main", squashed)
    here.commit(CORE, {"more.txt": b"more"}, "fix: more")
    assert makes(bump="commits") == ("1.2.12", "1.2.11", "v1.2.11")


def test_the_lock_of_a_workspace_is_nothing_new_of_the_member_around_it(here: RehearsedRelease) -> None:
    here.git(CORE, "update-ref", "refs/heads/main", "v1.2.10^{commit}")
    path = here.world.directory.family_file
    inside = f'repository = "{CORE}"\ndirectory = "plugins/acme"\ntag = "acme-v{{version}}"'
    path.write_text(f"{path.read_text('utf-8')}\n[packages.acme]\n{inside}\n", "utf-8")

    on(here, "main", "main", {"uv.lock": b"version = 1\n", "plugins/acme/pyproject.toml": b""})
    assert repeats() == "1.2.10"
