import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.adapters.connections import NO_ACCESS, Connections, access_from, open_connections
from interlock.adapters.github import BranchRules, Hook, StaticToken, TokenFacts, UnreachableError
from interlock.adapters.index.settings import Upload, find_upload
from interlock.errors import GitHubError, InterlockError, TokenError, UsageError
from interlock.model.family import Dispatch, Family, Package
from interlock.releases.checks import Check, State, all_good, check_family, check_package
from interlock.releases.checks import check_tokens as checked_tokens
from interlock.releases.checks.token import check_expiry
from tests.support.fake_github import LISTENS, FakeGitHub, FakeRepository
from tests.support.universe import TinyIndex, make_wheel

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKEN = "github_pat_hush"
ENVIRON = {"REPO_DISPATCH_TOKEN": TOKEN, "TWINE_PASSWORD": "pypi-hush", "PATH": os.environ["PATH"]}

FAMILY = Family(
    name="trains",
    owner="rail",
    author="Bot <bot@example.org>",
    packages={
        "core": Package(
            secrets=("PYPI_API_TOKEN",),
            dispatches=(Dispatch(event="core_release", targets=("pipeline", "store")),),
        ),
        "pipeline": Package(
            repository="pipe_line",
            branch="base",
            upstreams=("core",),
            dispatches=(Dispatch(event="downstream_release", targets=("infra",)),),
        ),
        "store": Package(upstreams=("core",), secrets=("REPO_DISPATCH_TOKEN",)),
        "infra": Package(publishes=False, upstreams=("core",)),
    },
)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[TinyIndex]:
    for version in ("1.0", "1.1"):
        make_wheel(tmp_path / "files", "core", version, files={"core/__init__.py": ""})
    with TinyIndex(tmp_path / "files") as index:
        yield index


@pytest.fixture
def github() -> FakeGitHub:
    base = FakeRepository(branch="base", files={"base": {"on.yml": LISTENS}})
    return FakeGitHub(
        {
            "rail/core": FakeRepository(),
            "rail/pipe_line": base,
            "rail/store": FakeRepository(),
            "rail/infra": FakeRepository(),
        }
    )


class Look:
    """Runs checks against a GitHub in memory and a real index."""

    def __init__(self, github: FakeGitHub, index: TinyIndex, folder: Path) -> None:
        self.github = github
        self.index = index
        self.folder = folder
        self.environ: Mapping[str, str] = {**ENVIRON, "HOME": str(folder)}
        self.upload: Upload | None = None
        self.url = index.url

    def family(self, family: Family = FAMILY) -> tuple[Check, ...]:
        return asyncio.run(self._look(family, check_family))

    def package(self, name: str, family: Family = FAMILY) -> tuple[Check, ...]:
        return asyncio.run(self._look(family, lambda connections: check_package(connections, name)))

    def tokens(self) -> tuple[Check, ...]:
        return asyncio.run(self._look(FAMILY, checked_tokens))

    async def _look(
        self, family: Family, checks: Callable[[Connections], Awaitable[tuple[Check, ...]]]
    ) -> tuple[Check, ...]:
        environ = {**self.environ, "UV_DEFAULT_INDEX": self.url}
        found = access_from(FAMILY, self.environ)
        access = replace(found, upload=self.upload or found.upload)
        async with open_connections(family, access, environ=environ) as connections:
            vars(connections)["github"] = self.github.github  # as if it had been opened
            return await checks(connections)


@pytest.fixture
def look(github: FakeGitHub, tiny: TinyIndex, tmp_path: Path) -> Look:
    return Look(github, tiny, tmp_path)


def found(checks: tuple[Check, ...], subject: str, name: str) -> Check:
    (check,) = (check for check in checks if (check.subject, check.name) == (subject, name))
    return check


def bad(checks: tuple[Check, ...]) -> list[tuple[str, str, State]]:
    return [(check.subject, check.name, check.state) for check in checks if check.state is not State.OK]


def test_a_family_in_order_has_nothing_bad_but_names_that_are_not_on_the_index_yet(look: Look) -> None:
    checks = look.family()
    assert bad(checks) == [("pipeline", "on the index", State.WARNING), ("store", "on the index", State.WARNING)]
    assert all_good(checks)
    subjects = list(dict.fromkeys(check.subject for check in checks))
    assert subjects == ["this machine", "token", "package index", "core", "pipeline", "store", "infra"]
    assert "hush" not in repr(checks)


def test_a_release_of_one_package_needs_its_own_repository_and_those_that_it_tells(look: Look) -> None:
    checks = look.package("core")
    members = [check.subject for check in checks if check.subject in FAMILY.packages]
    assert list(dict.fromkeys(members)) == ["core", "pipeline", "store"]
    assert found(checks, "pipeline", "listener of core_release").state is State.OK
    assert {check.name for check in checks if check.subject == "store"} == {
        "repository",
        "default branch",
        "write access",
        "listener of core_release",
        "releases once",
    }
    assert not [line for line in look.github.asked if line.startswith(("rules", "secrets")) and "core" not in line]


def test_a_repository_that_is_released_and_tells_nobody_has_no_listeners_to_check(look: Look) -> None:
    names = {check.name for check in look.package("store") if check.subject == "store"}
    looked_at = {"repository", "default branch", "write access", "branch rules", "releases once", "on the index"}
    assert names == {*looked_at, "secret REPO_DISPATCH_TOKEN"}


def test_workflow_files_that_cannot_be_read_stop_no_release_that_tells_nobody(look: Look) -> None:
    look.github.repositories["rail/store"].refuses = {"files": GitHubError("a file is too large to be shown")}
    checks = look.package("store")
    assert found(checks, "store", "releases once").state is State.UNKNOWN
    assert all_good(checks)


@pytest.mark.parametrize(
    ("url", "events", "event", "state"),
    [
        ("https://example.org/webhooks/github", ("push",), "push", State.OK),
        ("https://example.org/webhooks/github", ("*",), "merge", State.OK),
        ("https://example.org/webhooks/github", ("push",), "merge", State.WARNING),
        ("https://example.org/other", ("push",), "push", State.WARNING),
    ],
)
def test_a_release_that_starts_by_itself_needs_a_webhook_with_its_event(
    look: Look, url: str, events: tuple[str, ...], event: str, state: State
) -> None:
    look.github.repositories["rail/store"].hooks = (
        Hook(path="/repos/rail/store/hooks/7", subject="", url=url, events=events),
    )
    on = {"event": event}
    store = Package.model_validate({**FAMILY.package("store").model_dump(), "release_on": on})
    family = FAMILY.model_copy(update={"packages": {**FAMILY.packages, "store": store}})
    assert found(look.package("store", family), "store", "webhook").state is state
    look.github.repositories["rail/store"].refuses = {"hooks": TokenError("403")}
    checks = look.package("store", family)
    assert (found(checks, "store", "webhook").state, all_good(checks)) == (State.UNKNOWN, True)


def test_a_member_that_publishes_nothing_needs_no_index(look: Look) -> None:
    checks = look.package("infra")
    assert {check.subject for check in checks} == {"this machine", "token", "infra"}


def test_an_unknown_package_is_refused_with_the_near_one(look: Look) -> None:
    with pytest.raises(UsageError, match="pipelin"):
        look.package("pipelin")


def test_one_failing_repository_hides_no_other(look: Look) -> None:
    del look.github.repositories["rail/store"]
    checks = look.family()
    assert found(checks, "store", "repository").state is State.FAILED
    assert found(checks, "store", "repository").cure == "can the token see it?"
    assert found(checks, "infra", "listener of downstream_release").state is State.OK
    assert not all_good(checks)


def test_what_github_did_not_answer_is_unknown_and_hides_nothing_beside_it(look: Look) -> None:
    look.github.repositories["rail/store"].refuses = {"files": UnreachableError("502"), "dispatch": GitHubError("451")}
    checks = look.package("core")
    assert bad(checks) == [
        ("store", "write access", State.FAILED),
        ("store", "workflows", State.UNKNOWN),
    ]


def test_a_wrong_default_branch_names_both_and_the_line_to_write(look: Look) -> None:
    look.github.repositories["rail/store"].branch = "trunk"
    look.github.repositories["rail/store"].files = {"trunk": {"on.yml": LISTENS}}
    check = found(look.package("core"), "store", "default branch")
    assert check.state is State.FAILED
    assert check.cause == 'it is "trunk", and the family file says "main"'
    assert check.cure == 'write branch = "trunk" in [packages.store]'


def test_an_archived_repository_fails(look: Look) -> None:
    look.github.repositories["rail/store"].archived = True
    assert found(look.package("core"), "store", "repository").state is State.FAILED


LOCKED = BranchRules(protected=True, is_locked=True)
QUEUED = BranchRules(protected=True, needs_queue=True, needs_pull_request=True, ruled=True)
LISTENER = ("store", "listener of core_release")


def hearing(look: Look, files: Mapping[str, Mapping[str, str]]) -> tuple[Check, ...]:
    look.github.repositories["rail/store"].files = files
    return tuple(check for check in look.package("core") if check.subject == "store")


def test_nobody_listens(look: Look) -> None:
    check = found(hearing(look, {}), *LISTENER)
    assert check.state is State.FAILED
    assert check.cause == 'no workflow on its branch "main" listens to "core_release"'
    assert check.cure is not None
    assert check.cure.startswith("interlock listener store --event core_release > .github/workflows/on_core_release")


def test_a_listener_on_another_branch_is_named(look: Look) -> None:
    check = found(hearing(look, {"main": {}, "develop": {"on.yml": LISTENS}}), *LISTENER)
    assert check.state is State.FAILED
    assert ".github/workflows/on.yml on develop does" in check.cause
    assert check.cure == "merge .github/workflows/on.yml into main"


def test_a_near_miss_is_named(look: Look) -> None:
    check = found(hearing(look, {"main": {"on.yml": LISTENS.replace("core_release", "core-release")}}), *LISTENER)
    assert check.state is State.FAILED
    assert 'on.yml:6: it listens to "core-release", not to "core_release"' in check.cause
    assert 'did you mean "core_release"?' in str(check.cure)


def test_a_file_that_github_cannot_use_is_named(look: Look) -> None:
    checks = hearing(look, {"main": {"on.yml": "on: ["}})
    assert "GitHub can't use .github/workflows/on.yml:1: it is not YAML" in found(checks, *LISTENER).cause
    assert found(checks, "store", "workflow file").state is State.WARNING


def test_a_title_without_the_id_is_a_warning(look: Look) -> None:
    text = LISTENS.replace("run-name", "# run-name")
    check = found(hearing(look, {"main": {"on.yml": text, "other.yml": LISTENS}}), *LISTENER)
    assert check.state is State.WARNING
    assert check.cause.startswith(".github/workflows/on.yml listens, but its run-name")


def test_what_is_wrong_with_any_workflow_file_is_told_once(look: Look) -> None:
    unsafe = LISTENS.replace("run: make", "run: make ${{ github.event.client_payload.version }}")
    look.github.repositories["rail/infra"].files = {
        "main": {"on.yml": unsafe, "typo.yml": "on: push\non: push\njobs: {a: {}}"}
    }
    family = FAMILY.model_copy(
        update={
            "packages": {**FAMILY.packages, "store": Package(dispatches=(Dispatch(event="x", targets=("infra",)),))}
        }
    )
    files = [check.cause.partition(": ")[0] for check in look.family(family) if check.name == "workflow file"]
    assert files == [".github/workflows/typo.yml:2", ".github/workflows/on.yml:10"]


def test_a_branch_that_cannot_be_read_is_no_listener(look: Look) -> None:
    look.github.repositories["rail/store"].refuses = {"files develop": UnreachableError("502")}
    assert "; " not in found(hearing(look, {"main": {}, "develop": {"on.yml": LISTENS}}), *LISTENER).cause


@pytest.mark.parametrize(
    ("rules", "admin", "state", "word"),
    [
        (BranchRules(protected=True), False, State.OK, "takes a pushed commit"),
        (BranchRules(protected=True, needs_linear_history=True), False, State.OK, "takes a pushed commit"),
        (BranchRules(protected=True, needs_pull_request=True), False, State.FAILED, "a pull request"),
        (BranchRules(protected=True, needs_signatures=True), False, State.FAILED, "signed commits"),
        (BranchRules(protected=True, needs_checks=("ci", "lint")), False, State.FAILED, "green checks (ci, lint)"),
        (BranchRules(protected=True, is_locked=True), False, State.FAILED, "by some alone"),
        (BranchRules(protected=True, needs_pull_request=True), True, State.WARNING, "an administrator"),
        (BranchRules(protected=True, needs_pull_request=True, binds_admins=True), True, State.FAILED, "a pull request"),
        (BranchRules(protected=True, details_readable=False), True, State.UNKNOWN, "may not see how"),
        (BranchRules(protected=True, details_readable=False, is_locked=True), False, State.FAILED, "by some"),
        (BranchRules(protected=True, needs_pull_request=True, ruled=True), True, State.FAILED, "a pull request"),
        (BranchRules(protected=True, needs_queue=True, ruled=True), True, State.FAILED, "in its merge queue"),
        (BranchRules(protected=False, perhaps=QUEUED), False, State.WARNING, "in its merge queue, and the token"),
        (BranchRules(protected=False, perhaps=LOCKED), False, State.WARNING, "may not see whether"),
        (BranchRules(protected=True, is_locked=True, perhaps=LOCKED), False, State.FAILED, "by some alone"),
        (BranchRules(protected=False, perhaps=BranchRules(protected=True)), False, State.OK, "takes a pushed commit"),
    ],
)
def test_rules_that_a_push_would_break(look: Look, rules: BranchRules, admin: bool, state: State, word: str) -> None:
    look.github.repositories["rail/core"].rules = rules
    look.github.repositories["rail/core"].can_admin = admin
    check = found(look.package("core"), "core", "branch rules")
    assert (check.state, word in check.cause) == (state, True), check.cause


def test_where_only_a_merge_queue_changes_a_branch_a_pull_request_is_the_way(look: Look) -> None:
    look.github.repositories["rail/core"].rules = BranchRules(protected=True, needs_queue=True, ruled=True)
    check = found(look.package("core"), "core", "branch rules")
    assert "; or release it by pull request" in (check.cure or "")


def test_a_token_that_may_not_push_fails_and_the_rules_are_not_asked_for(look: Look) -> None:
    look.github.repositories["rail/core"].can_push = False
    checks = look.package("core")
    assert found(checks, "core", "write access").state is State.FAILED
    assert "rules main rail/core" not in look.github.asked


def test_the_rules_are_those_of_the_branch_that_is_released(look: Look) -> None:
    look.package("pipeline")
    assert "rules base rail/pipe_line" in look.github.asked


@pytest.mark.parametrize(
    ("names", "name", "state"),
    [
        (frozenset({"PYPI_API_TOKEN"}), "secret PYPI_API_TOKEN", State.OK),
        (frozenset(), "secret PYPI_API_TOKEN", State.FAILED),
        (None, "secrets", State.UNKNOWN),
    ],
)
def test_secrets_are_there_missing_or_not_to_be_seen(
    look: Look, names: frozenset[str] | None, name: str, state: State
) -> None:
    look.github.repositories["rail/core"].secrets = names
    check = found(look.package("core"), "core", name)
    assert check.state is state
    if state is State.FAILED:
        assert check.cure == "gh secret set PYPI_API_TOKEN --repo rail/core"


def test_a_package_that_the_index_has(look: Look) -> None:
    check = found(look.package("core"), "core", "on the index")
    assert check.cause == "uv's default index has 2 of its releases, 1.1 the newest"


def test_an_index_that_does_not_answer_fails(look: Look) -> None:
    look.url = "http://127.0.0.1:9/simple/"
    checks = look.package("core")
    assert found(checks, "core", "on the index").state is State.FAILED
    assert found(checks, "core", "repository").state is State.OK


def test_no_token_leaves_repositories_unknown_and_says_so_once(look: Look) -> None:
    look.environ = {name: value for name, value in look.environ.items() if name != "REPO_DISPATCH_TOKEN"}
    checks = look.package("core")
    present = found(checks, "token", "present")
    assert (present.state, "docs/tokens.md" in str(present.cure)) == (State.FAILED, True)
    assert {check.state for check in checks if check.name == "repository"} == {State.UNKNOWN}
    assert look.github.asked == []


def test_what_cannot_be_a_token_is_said_in_its_own_words(look: Look) -> None:
    look.environ = {**look.environ, "REPO_DISPATCH_TOKEN": "hush hush"}
    check = found(look.tokens(), "token", "present")
    assert check.state is State.FAILED
    assert "REPO_DISPATCH_TOKEN holds no token" in check.cause
    assert "hush" not in check.cause


@pytest.mark.parametrize(
    "error", [TokenError("401 Bad credentials", hint="make a new one"), UnreachableError("no answer")]
)
def test_a_token_that_github_refuses_or_does_not_answer_fails_once(look: Look, error: InterlockError) -> None:
    look.github.facts = error
    checks = look.package("core")
    check = found(checks, "token", "accepted by GitHub")
    assert (check.state, check.cause, check.cure) == (State.FAILED, error.message, error.hint)
    assert look.github.asked == []


def test_an_older_name_is_reported_and_disagreement_is_a_warning(look: Look) -> None:
    look.environ = {"REPO_TOKEN": TOKEN, "HOME": str(look.folder), "TWINE_PASSWORD": "x"}
    checks = look.tokens()
    assert found(checks, "token", "present").cause == "found as REPO_TOKEN, an older name of REPO_DISPATCH_TOKEN"
    assert all_good(checks)
    look.environ = {**look.environ, "REPO_DISPATCH_TOKEN": "ghp_other\n", "PYPI_API_TOKEN": "y"}
    checks = look.tokens()
    assert found(checks, "token", "present").cause == "found as REPO_DISPATCH_TOKEN"
    assert found(checks, "token", "one token").state is State.WARNING
    assert found(checks, "token", "clean").state is State.WARNING
    assert found(checks, "package index", "one upload token").cure == "remove PYPI_API_TOKEN, or give it the same value"


@pytest.mark.parametrize(
    ("scopes", "state"),
    [
        ({"repo", "workflow"}, State.OK),
        ({"repo"}, State.WARNING),
        ({"public_repo"}, State.WARNING),
        ({"gist"}, State.FAILED),
        (set(), State.FAILED),
    ],
)
def test_scopes_of_a_classic_token(look: Look, scopes: set[str], state: State) -> None:
    look.github.facts = TokenFacts(kind="classic", login="mj", scopes=frozenset(scopes))
    assert found(look.tokens(), "token", "scopes").state is state


def test_a_fine_grained_token_has_no_scopes_to_check(look: Look) -> None:
    assert "scopes" not in {check.name for check in look.tokens()}


@pytest.mark.parametrize(
    ("left", "kind", "state", "words"),
    [
        (timedelta(days=10, seconds=1), "classic", State.OK, "for another 10 days (until 2026-11-30)"),
        (timedelta(days=10), "classic", State.WARNING, "in 10 days (2026-11-30)"),
        (timedelta(days=1), "classic", State.WARNING, "in 1 day (2026-11-21)"),
        (timedelta(hours=3), "fine-grained", State.WARNING, "in less than a day"),
        (timedelta(0), "classic", State.FAILED, "it expired on 2026-11-20"),
        (timedelta(days=-1), "app", State.FAILED, "it expired on 2026-11-19"),
        (timedelta(hours=1), "app", State.OK, "renewed every hour"),
        (None, "app", State.OK, "renewed every hour"),
        (None, "classic", State.OK, "does not expire"),
    ],
)
def test_expiry_is_warned_of_from_ten_days_before(left: timedelta | None, kind: str, state: State, words: str) -> None:
    facts = TokenFacts(kind=kind, expires_at=NOW + left if left is not None else None)
    check = check_expiry(facts, NOW)
    assert (check.state, words in check.cause) == (state, True), check.cause
    assert (check.cure is None) is (state is State.OK)


def test_no_password_to_upload_with_fails_and_one_from_elsewhere_is_named(look: Look) -> None:
    look.environ = {name: value for name, value in look.environ.items() if name != "TWINE_PASSWORD"}
    check = found(look.tokens(), "package index", "upload credentials")
    assert (check.state, "nor PYPI_API_TOKEN" in check.cause) == (State.FAILED, True)
    look.upload = Upload(name="own", password=SecretStr("hush"), source='the block "interlock"')
    check = found(look.tokens(), "package index", "upload credentials")
    assert check.cause == 'to own as __token__ (the block "interlock")'
    look.upload = Upload(name="own", password=SecretStr("hush"))
    assert found(look.tokens(), "package index", "upload credentials").cause == "to own as __token__"


def test_twines_settings_that_cannot_be_read_fail_in_their_own_words(look: Look) -> None:
    look.environ = {**look.environ, "TWINE_REPOSITORY": "ghost"}
    assert '"ghost"' in found(look.tokens(), "package index", "upload credentials").cause


def test_who_commits_is_the_familys_author_or_gits(look: Look) -> None:
    identity = ("this machine", "Git identity")
    assert found(look.package("store"), *identity).cause == "Bot <bot@example.org>, from the family file"
    anybody = FAMILY.model_copy(update={"author": None})
    check = found(look.package("store", anybody), *identity)
    assert (check.state, check.cause) == (State.FAILED, "Git does not know user.name and user.email")
    (look.folder / ".gitconfig").write_text("[user]\nname = Me\n")
    look.environ = {**look.environ, "XDG_CONFIG_HOME": str(look.folder)}
    assert found(look.package("store", anybody), *identity).cause == "Git does not know user.email"
    (look.folder / ".gitconfig").write_text("[user]\nname = Me\nemail = me@example.org\n")
    assert found(look.package("store", anybody), *identity).cause == "Me <me@example.org>, from Git's configuration"


def test_a_machine_without_git_is_told_to_install_it(look: Look, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    look.environ = {**look.environ, "PATH": str(tmp_path / "bin")}
    checks = look.package("store")
    check = found(checks, "this machine", "git")
    assert (check.state, check.cure) == (State.FAILED, "install git")
    assert "Git identity" not in {check.name for check in checks}
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    assert "ends with 3" in found(look.package("store"), "this machine", "git").cause


def test_a_machine_without_uv_is_told_how_to_get_it(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("interlock.releases.checks.machine.find_uv_bin", find_none)
    look.environ = {**look.environ, "PATH": str(tmp_path)}
    assert found(look.package("store"), "this machine", "uv").cure == "make setup"


def test_a_setting_that_leaves_out_new_releases_is_warned_of(look: Look) -> None:
    ages = ("this machine", "age of packages")
    assert found(look.package("store"), *ages).state is State.OK
    look.environ = {**look.environ, "UV_EXCLUDE_NEWER": "7 days"}
    check = found(look.package("store"), *ages)
    assert (check.state, "UV_EXCLUDE_NEWER = 7 days" in check.cause) == (State.WARNING, True)


def test_what_is_looked_at_is_what_the_environment_names(tiny: TinyIndex, tmp_path: Path) -> None:
    environ = {**ENVIRON, "UV_DEFAULT_INDEX": tiny.url, "HOME": str(tmp_path), "GITHUB_API_URL": "http://127.0.0.1:9"}

    async def look() -> tuple[Check, ...]:
        async with open_connections(FAMILY, access_from(FAMILY, environ), environ=environ) as connections:
            assert await connections.index.served("core")
            assert connections.upload == find_upload(environ)
        async with open_connections(FAMILY, NO_ACCESS, environ=environ) as bare:
            with pytest.raises(TokenError, match="REPO_DISPATCH_TOKEN"):
                _ = bare.github
            with pytest.raises(TokenError, match="TWINE_PASSWORD"):
                _ = bare.upload
            return await checked_tokens(bare)

    assert not all_good(asyncio.run(look()))


def test_a_static_token_names_where_it_is_from() -> None:
    access = access_from(FAMILY, ENVIRON)
    assert isinstance(access.credentials, StaticToken)
    assert access.credentials.name == "REPO_DISPATCH_TOKEN"
    assert "hush" not in repr(access)
