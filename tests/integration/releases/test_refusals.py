"""A release that can't be is refused with a message, a code and a cure; and the world is as it was."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from interlock.errors import (
    BuildError,
    ConflictError,
    InterlockError,
    RefusedError,
    TokenError,
    UsageError,
)
from rehearsal.github.records import Protection, TokenKind
from tests.support.rehearsed_release import CORE, RehearsedRelease

OWNER = "mjdevaccount"
Spoil = Callable[[RehearsedRelease, pytest.MonkeyPatch], None]


def _file(here: RehearsedRelease, path: str) -> bytes:
    return (here.git(CORE, "show", f"main:{path}") + "\n").encode()


def _nothing(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    """The request itself is what can't be."""


def _line_endings(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    readme = _file(here, "README.md").replace(b"\n", b"\r\n")
    here.commit(CORE, {".gitattributes": b"*.md text eol=lf\n", "README.md": readme})


def _no_token(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    patch.delenv("REPO_DISPATCH_TOKEN")


def _token(here: RehearsedRelease, patch: pytest.MonkeyPatch, **facts: object) -> None:
    state = here.serving.github
    with state.changing():
        state.add_token("ghp_another", **{"login": OWNER, "kind": TokenKind.CLASSIC, "name": "another", **facts})  # type: ignore[arg-type]
    patch.setenv("REPO_DISPATCH_TOKEN", "ghp_another")


def _wrong_scope(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    _token(here, patch, scopes=["gist"])


def _read_only(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    permissions = {"contents": "read", "metadata": "read", "actions": "read"}
    _token(here, patch, kind=TokenKind.FINE_GRAINED, permissions=permissions)


def _expired(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    _token(here, patch, scopes=["repo"], expires_at=here.serving.github.now() - timedelta(hours=1))


def _no_upload_password(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    patch.delenv("TWINE_PASSWORD")


def _somebodys_tag(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    here.git(CORE, "tag", "v1.2.11", "main~1")


def _version_on_the_index(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    wheel = next(iter(here.world.directory.index.rglob("market_data_core-1.2.10-py3-none-any.whl")))
    copy = here.world.directory.path / "market_data_core-1.2.11-py3-none-any.whl"
    copy.write_bytes(wheel.read_bytes())
    here.serving.index.add_file(copy)


def _broken_build(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    text = (
        _file(here, "pyproject.toml") + b'\n[tool.hatch.build.targets.wheel.force-include]\n"gone.txt" = "gone.txt"\n'
    )
    here.commit(CORE, {"pyproject.toml": text})


def _broken_readme(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    text = _file(here, "pyproject.toml").replace(b'readme = "README.md"', b'readme = "README.rst"')
    here.commit(CORE, {"pyproject.toml": text, "README.rst": b"Title\n==\n\n.. nonsense::\n\n`broken"})


def _protected(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    state = here.serving.github
    with state.changing():
        state.add_user("somebody")
        for repository in state.repositories.values():
            repository.access["somebody"] = "write"
        state.repository(f"{OWNER}/{CORE}").protections["main"] = Protection(pull_request=True)
    _token(here, patch, login="somebody", scopes=["repo", "workflow"])


def _unheard(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    listener = ".github/workflows/on_core_release.yml"
    text = here.git("market-data-store", "show", f"main:{listener}").replace("core_release", "core-release")
    here.commit("market-data-store", {listener: text.encode()})


def _no_index(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")


def _no_github(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")


def _another_package(here: RehearsedRelease, patch: pytest.MonkeyPatch) -> None:
    text = _file(here, "pyproject.toml").replace(b'name = "market-data-core"', b'name = "market-data-kernel"')
    here.commit(CORE, {"pyproject.toml": text})


TABLE: list[tuple[str, Spoil, dict[str, object], type[InterlockError], str]] = [
    ("unknown package", _nothing, {"package": "market-data-cor"}, UsageError, 'did you mean "market-data-core"'),
    ("publishes nothing", _nothing, {"package": "market-data-infra"}, UsageError, "publishes nothing"),
    ("malformed version", _nothing, {"version": "1.2.x"}, UsageError, '"1.2.x" is not a version'),
    ("local version", _nothing, {"version": "1.2.11+mine"}, UsageError, "local version"),
    ("malformed bump", _nothing, {"bump": "huge"}, UsageError, "does not say how the version moves on"),
    ("version behind", _nothing, {"version": "1.2.9"}, ConflictError, "1.2.9 is taken"),
    ("unknown branch", _nothing, {"ref": "nowhere"}, InterlockError, "nowhere"),
    ("dirty tree", _line_endings, {}, RefusedError, "is not clean: README.md"),
    ("missing token", _no_token, {}, TokenError, "REPO_DISPATCH_TOKEN"),
    ("wrong scope", _wrong_scope, {}, RefusedError, "gist"),
    ("read-only token", _read_only, {}, RefusedError, "write"),
    ("expired token", _expired, {}, RefusedError, "401"),
    ("no password for the index", _no_upload_password, {}, TokenError, "TWINE_PASSWORD"),
    ("tag on another commit", _somebodys_tag, {"version": "1.2.11"}, ConflictError, "v1.2.11"),
    ("version on the index", _version_on_the_index, {"version": "1.2.11"}, ConflictError, "1.2.11"),
    ("failing build", _broken_build, {}, BuildError, "gone.txt"),
    ("twine check", _broken_readme, {}, BuildError, "market_data_core-1.2.11"),
    ("protected branch", _protected, {}, RefusedError, "pull request"),
    ("nobody listens", _unheard, {}, RefusedError, 'did you mean "core_release"'),
    ("no index", _no_index, {}, InterlockError, "market-data-core"),
    ("no GitHub", _no_github, {}, RefusedError, "GitHub"),
    ("another package", _another_package, {}, RefusedError, "market-data-kernel"),
]


@pytest.mark.parametrize(
    ("spoil", "request_", "kind", "says"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_release_that_cannot_be_is_refused_and_nothing_has_changed(
    here: RehearsedRelease,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    request_: dict[str, object],
    kind: type[InterlockError],
    says: str,
) -> None:
    spoil(here, monkeypatch)
    before = here.refs(), sorted(here.world.directory.index.rglob("*.whl"))

    with pytest.raises(kind) as caught:
        here.release(**{"package": CORE, **request_})  # type: ignore[arg-type]

    assert says in str(caught.value)
    assert caught.value.exit_code not in {0, 1, 70}
    assert (here.refs(), sorted(here.world.directory.index.rglob("*.whl"))) == before
    assert here.writes() == []
