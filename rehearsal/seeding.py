"""The initial contents of a world: repositories, an index with past releases, and a GitHub that knows them."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomlkit

from interlock.adapters.index.rules import rules_of
from interlock.adapters.index.settings import find_upload
from interlock.common.atomic_files import write_whole
from interlock.common.paths import cache
from interlock.common.validation import nearest
from interlock.errors import InterlockError, RehearsalError
from interlock.model import family_file
from interlock.model.family import Family
from rehearsal.directory import Facts, RehearsalDirectory
from rehearsal.github.state import GitHubState
from rehearsal.index import IndexStore
from rehearsal.released import build_released
from rehearsal.repositories import make_repositories, mirror, name_of
from rehearsal.template import Template
from rehearsal.wheels import pack_closure

# The third-party packages by which the small family is built, installed and tested.
THIRD_PARTY = ("hatchling", "pydantic", "pytest", "pytest-asyncio")
# A family that names no secrets still has these: its own workflows would need them.
SECRETS = ("REPO_DISPATCH_TOKEN", "PYPI_API_TOKEN")


async def seed_small_family(directory: RehearsalDirectory, template: Template) -> Facts:
    """Fill a new world with a template's family.

    Raises:
        InterlockError: Git is not installed, or something can't be built.
    """
    file = directory.family_file
    write_whole(file, template.family_file.encode())
    family = family_file.load(file)
    owner = _owner(family, file)
    cached = cache() / "rehearsal"
    released, third_party, _ = await asyncio.gather(
        build_released(template.repositories, cached / "released"),
        asyncio.to_thread(pack_closure, cached / "wheels", THIRD_PARTY),
        asyncio.to_thread(make_repositories, template.repositories, directory.repositories / owner),
    )
    store = _index(directory, family, owner)
    for path in third_party:
        store.add_file(path)
    for path, at in released:
        store.add_file(path, uploaded=at)
    branches = {f"{owner}/{each.name}": each.history.branch for each in template.repositories}
    _github(directory, family, owner, branches)
    return Facts(family=family.name, owner=owner)


async def seed_mirrors(directory: RehearsalDirectory, sources: Sequence[str], file: Path) -> Facts:
    """Fill a new world with mirrors of a user's own repositories.

    Args:
        directory: The world's directory.
        sources: URLs and paths, one for each member of the family.
        file: The family file.

    Raises:
        InterlockError: A member has no repository among them, one of them belongs to no member, or can't be fetched.
    """
    family = family_file.load(file)
    owner = _owner(family, file)
    matched = match(sources, family)
    branches = await asyncio.gather(
        *(mirror(source, directory.repositories / f"{repository}.git") for repository, source in matched.items())
    )
    _index(directory, family, owner)
    _github(directory, family, owner, dict(zip(matched, branches, strict=True)))
    write_whole(directory.family_file, _for_a_world(file).encode())
    return Facts(family=family.name, owner=owner, sources=tuple(sorted(sources)), behind=family.index)


def match(sources: Sequence[str], family: Family) -> dict[str, str]:
    """The source of each repository of the family, by `owner/name`; case does not matter in GitHub's names.

    Raises:
        RehearsalError: One is missing, given twice, or belongs to no member.
    """
    wanted = {family.repository(name).rpartition("/")[2].lower(): family.repository(name) for name in family.packages}
    found: dict[str, str] = {}
    for source in sources:
        name = name_of(source)
        repository = wanted.get(name.lower())
        if repository is None:
            message = f'"{source}" is no repository of the family "{family.name}"'
            raise RehearsalError(message, hint=nearest(name, list(wanted)))
        if repository in found:
            raise RehearsalError(f"{repository} was named twice: {found[repository]} and {source}")
        found[repository] = source
    if missing := [repository for repository in wanted.values() if repository not in found]:
        raise RehearsalError(
            f'no repository was named for {", ".join(missing)} of the family "{family.name}"',
            hint="name each with --from-git, by its URL or its path; or another family with --family",
        )
    return found


def _for_a_world(file: Path) -> str:
    """A family file with absolute paths, and with the index that the environment names: the rehearsal's.

    Its index has the rules of the one that files are really uploaded to.
    """
    document = tomlkit.parse(file.read_text("utf-8-sig"))
    family = family_file.load(file)
    upload = None
    with contextlib.suppress(InterlockError):  # a release that is no rehearsal says what is wrong
        upload = find_upload()
    document["family"]["index_rules"] = rules_of(family.index, family.index_rules, upload).value
    document["family"]["index"] = "pypi"
    for package in document["packages"].values():
        for suite in package.get("suites", []):
            if "path" in suite:
                suite["path"] = str((file.resolve().parent / Path(suite["path"]).expanduser()).resolve())
    return tomlkit.dumps(document)


def _owner(family: Family, file: Path) -> str:
    """The owner of the repositories; on GitHub there are none without one."""
    if family.owner is None:
        raise RehearsalError(f'{file}: the family "{family.name}" names no owner', hint='add owner = "..." to [family]')
    return family.owner


def _index(directory: RehearsalDirectory, family: Family, owner: str) -> IndexStore:
    store = IndexStore(directory.index)
    store.accounts.add(owner, directory.tokens().index)
    for name, package in family.packages.items():
        if package.publishes:
            store.own(name, owner)
    return store


def _github(directory: RehearsalDirectory, family: Family, owner: str, branches: Mapping[str, str]) -> None:
    state = GitHubState(directory.path)
    with state.lock:
        state.add_user(owner)
        for repository in dict.fromkeys(map(family.repository, family.packages)):
            named = [secret for name in family.in_repository(repository) for secret in family.package(name).secrets]
            secrets = list(dict.fromkeys(named)) or list(SECRETS)
            state.add_repository(repository, default_branch=branches[repository], secrets=secrets)
        state.saved()
