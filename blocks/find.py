"""Finding credentials: in the environment, else in blocks if a Prefect API is configured; this starts no server."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings
from pydantic import SecretStr, ValidationError

from blocks.github_credentials import GitHubCredentials
from blocks.package_index_credentials import PackageIndexCredentials
from interlock.adapters.connections import Access
from interlock.adapters.github import Credentials, StaticToken
from interlock.adapters.index.settings import PYPI, Upload, find_upload
from interlock.common import tokens
from interlock.common.tokens import Role
from interlock.errors import InterlockError, TokenError
from interlock.model import family_file
from interlock.model.family import Family

DOCUMENT = "interlock"
"""The name of the block documents that are looked for."""

B = TypeVar("B", bound=Block)


async def load_github_credentials(
    family: Family | str | None = None, environ: Mapping[str, str] = os.environ, role: Role = Role.RELEASE
) -> Credentials:
    """Find the credentials for GitHub: the environment's token, else a block of ours, else a Secret block.

    Those of a role come first, then those of releases, which serve every role that has none of its own.

    Args:
        family: Has the token's older names: a family, its file, or None for the file that is found.
        environ: The variables, which are searched first.
        role: What they are used for.

    Raises:
        TokenError: There are none; the message names every place that was searched.
        FamilyError: The file can't be read.
    """
    search = _Search()
    for each in dict.fromkeys((role, Role.RELEASE)):
        aliases = _loaded(family).token_aliases if each is Role.RELEASE else ()
        if found := await _github(search, each, aliases, environ):
            return found
    what = "a token for GitHub" if role is Role.RELEASE else f"a token for GitHub that may {role}"
    raise search.failure(what, f"set {role.variable}: docs/tokens.md says how to make one")


async def _github(
    search: "_Search", role: Role, aliases: Sequence[str], environ: Mapping[str, str]
) -> Credentials | None:
    """The credentials of one role."""
    names = (role.variable, *aliases)
    if found := tokens.find(role.variable, aliases, environ):
        return StaticToken(token=found.token, name=found.name)
    search.note(variables=names)
    if block := await search.block(GitHubCredentials, document(role)):
        return block.credentials(f'the block "{document(role)}"', environ)
    if secret := await search.secret([document_name(name) for name in names]):
        name, value = secret
        return StaticToken(token=value, name=f'the Secret block "{name}"')
    return None


async def load_upload(environ: Mapping[str, str] = os.environ) -> Upload:
    """Find where to upload: what twine would find, else the block `interlock`, else a Secret block for PyPI.

    When the environment names an index and has no password for it, no block is used, since it is for another index.

    Args:
        environ: The variables, which are searched first.

    Raises:
        TokenError: There is none; the message names every place that was searched.
        PublishError: Twine's configuration can't be read.
    """
    if found := find_upload(environ):
        return found
    search = _Search()
    search.note(variables=(tokens.INDEX, *tokens.INDEX_ALIASES), files=("~/.pypirc",))
    hint = f"set {tokens.INDEX}: docs/tokens.md says how to make one"
    if environ.get("TWINE_REPOSITORY_URL") or environ.get("TWINE_REPOSITORY", PYPI) != PYPI:
        raise search.failure("a password for the index that TWINE_REPOSITORY names", hint)
    if block := await search.block(PackageIndexCredentials, DOCUMENT):
        return block.get_client()
    if secret := await search.secret([document_name(name) for name in tokens.INDEX_ALIASES]):
        name, value = secret
        return Upload(name="PyPI", password=value, source=f'the Secret block "{name}"')
    raise search.failure("a password to upload with", hint)


async def find_access(family: Family | str | None = None, environ: Mapping[str, str] = os.environ) -> Access:
    """Find all of them, for releases and checks: what is missing becomes an error to report, and is not raised.

    Args:
        family: The family that is released.
        environ: The variables, which are searched first.
    """
    found: dict[str, Any] = {}
    try:
        found["credentials"] = await load_github_credentials(family, environ)
    except InterlockError as error:
        found["token_error"] = error
    try:
        found["upload"] = await load_upload(environ)
    except InterlockError as error:
        found["upload_error"] = error
    return Access(**found)


async def find_roles(environ: Mapping[str, str] = os.environ) -> Access:
    """Find the credentials that roles have of their own, for checks.

    Args:
        environ: The variables, which are searched first.

    Raises:
        TokenError: A variable holds what can't be a token.
    """
    search = _Search()
    read, tell = [await _github(search, role, (), environ) for role in (Role.READ, Role.TELL)]
    return Access(read=read, tell=tell)


def document(role: Role) -> str:
    """The name of the block document of a role: `interlock` of releases, `interlock-read`, `interlock-tell`."""
    return DOCUMENT if role is Role.RELEASE else f"{DOCUMENT}-{role}"


def document_name(variable: str) -> str:
    """The name of the Secret block for a variable, as `repo-dispatch-token`."""
    return variable.lower().replace("_", "-")


def _loaded(family: Family | str | None) -> Family:
    return family if isinstance(family, Family) else family_file.load(Path(family) if family else None)


class _Search:
    """Searches blocks, and remembers where it has searched."""

    def __init__(self) -> None:
        self._looked: list[str] = []
        # Without an address, Prefect would start a server of its own.
        self._api = get_current_settings().api.url
        self._asked = self._api is not None

    def note(self, *, variables: Sequence[str], files: Sequence[str] = ()) -> None:
        """Remember variables and files that were searched."""
        self._looked += [f"the variables {', '.join(variables)}", *files]

    async def block(self, kind: type[B], name: str) -> B | None:
        """The block of a type and a name."""
        return await self._load(kind, name, f'the block "{kind.get_block_type_slug()}/{name}"')

    async def secret(self, names: Sequence[str]) -> tuple[str, SecretStr] | None:
        """The first Secret block of these names with text in it."""
        for name in names:
            block = await self._load(Secret, name, f'the Secret block "{name}"')
            value = block.get() if block is not None else None
            if isinstance(value, str) and value.strip():
                return name, SecretStr(value.strip())
        return None

    async def _load(self, kind: type[B], name: str, described: str) -> B | None:
        if self._api is None:
            return None
        try:
            return await kind.aload(name)
        except (ValidationError, RuntimeError):  # Prefect wraps it in the latter; its text may show a secret
            self._looked.append(f"{described}, which is not complete")
        except ValueError:
            self._looked.append(described)
        except (httpx.HTTPError, PrefectHTTPStatusError) as error:
            self._api = None  # not asked again: each request would wait as long as this one
            self._looked.append(f"{described}, where Prefect's API gave no answer ({type(error).__name__})")
        return None

    def failure(self, what: str, hint: str) -> TokenError:
        """The error that names every place that was searched."""
        looked = [*self._looked, *([] if self._asked else ["no blocks, since no Prefect API is configured"])]
        return TokenError(f"{what} was not found; looked at {'; '.join(looked)}", hint=hint)
