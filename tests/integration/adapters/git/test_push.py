import asyncio
import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from interlock.adapters.git import (
    Checkout,
    ProtectedBranchError,
    PushRaceError,
    Remote,
    RemoteUnreachableError,
    Repository,
)
from interlock.adapters.git.command import environment
from interlock.adapters.git.errors import error_for
from interlock.errors import InterlockError, RefusedError, RepositoryError, TokenError, UsageError
from tests.support.git_repositories import BASIC, BOT, TOKEN, WHEN, Server, commit, git, hook, make_origin, serve

MAIN, V2 = "refs/heads/main", "refs/tags/v2"


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_origin(tmp_path)


@pytest.fixture
def server(origin: Path) -> Iterator[Server]:
    with serve(origin.parent) as serving:
        yield serving


class Bump:
    """A clone with a new commit and its tag, ready to be pushed."""

    def __init__(self, remote: Remote, path: Path) -> None:
        self.checkout = asyncio.run(Checkout.clone(remote, "main", path))
        before = asyncio.run(self.checkout.head())
        (path / "version.txt").write_text("2\n")
        sha = asyncio.run(self.checkout.commit_all("bump", BOT, WHEN, ["version.txt"]))
        self.updates = {MAIN: sha, V2: asyncio.run(self.checkout.tag("v2", "two", BOT, WHEN, sha))}
        self.expected = {MAIN: before, V2: ""}

    def push(self) -> None:
        asyncio.run(self.checkout.push(self.updates, self.expected))


@pytest.fixture
def bump(origin: Path, tmp_path: Path) -> Bump:
    return Bump(Remote(url=str(origin)), tmp_path / "clone")


def refs(origin: Path) -> dict[str, str]:
    lines = git(origin, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split() for line in lines)


def test_commit_and_tag_arrive_together(bump: Bump, origin: Path) -> None:
    bump.push()
    assert refs(origin).items() >= bump.updates.items()
    bump.push()


def test_the_remote_tells_its_refs_with_the_commits_of_tags(bump: Bump, origin: Path) -> None:
    bump.push()
    every = asyncio.run(bump.checkout.remote_refs())
    assert every.items() >= refs(origin).items()
    assert every["refs/tags/v2^{}"] == bump.updates[MAIN]
    assert asyncio.run(bump.checkout.remote_refs(V2)) == {V2: bump.updates[V2], f"{V2}^{{}}": bump.updates[MAIN]}
    assert asyncio.run(bump.checkout.remote_refs("refs/tags/v3")) == {}


def test_a_ref_is_found_by_its_whole_name_only(bump: Bump, origin: Path) -> None:
    git(origin, "update-ref", f"refs/heads/{V2}", bump.expected[MAIN])
    assert asyncio.run(bump.checkout.remote_refs(V2)) == {}


def test_a_branch_that_moved_is_a_race_and_nothing_is_pushed(bump: Bump, origin: Path, tmp_path: Path) -> None:
    theirs = commit(tmp_path / "work", "y", "y", "theirs")
    git(tmp_path / "work", "push", "--quiet", str(origin), "main")
    before = refs(origin)
    with pytest.raises(PushRaceError, match=r"refs/heads/main, refs/tags/v2 can't be pushed.*stale info"):
        bump.push()
    assert refs(origin) == before
    assert before[MAIN] == theirs


def test_a_tag_that_somebody_made_is_a_race_and_nothing_is_pushed(bump: Bump, origin: Path) -> None:
    git(origin, "tag", "v2", "main")
    before = refs(origin)
    with pytest.raises(PushRaceError):
        bump.push()
    assert refs(origin) == before


def test_a_race_that_the_server_sees_first_is_one_too(bump: Bump, origin: Path, tmp_path: Path) -> None:
    theirs = commit(tmp_path / "work", "y", "y", "theirs")
    git(tmp_path / "work", "push", "--quiet", str(origin), "main:other")
    hook(origin, "pre-receive", f"unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {theirs}")
    with pytest.raises(PushRaceError):
        bump.push()
    assert refs(origin)[MAIN] == theirs
    assert V2 not in refs(origin)


def test_a_ref_is_removed_only_as_it_was_seen(bump: Bump, origin: Path) -> None:
    with pytest.raises(PushRaceError):
        asyncio.run(bump.checkout.push({"refs/tags/v1": ""}, {"refs/tags/v1": bump.updates[MAIN]}))
    assert "refs/tags/v1" in refs(origin)
    asyncio.run(bump.checkout.push({"refs/tags/v1": ""}, {"refs/tags/v1": refs(origin)["refs/tags/v1"]}))
    assert "refs/tags/v1" not in refs(origin)


@pytest.mark.parametrize("expected", [{}, {MAIN: ""}, {MAIN: "", V2: "", "refs/tags/v3": ""}])
def test_nothing_is_pushed_that_was_not_looked_at(bump: Bump, expected: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="what it was looked at as"):
        asyncio.run(bump.checkout.push(bump.updates, expected))


@pytest.mark.parametrize(
    "words",
    [
        "echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2",
        "echo 'error: GH013: Repository rule violations found for refs/heads/main.' >&2",
        "true",
    ],
)
def test_a_rule_of_the_remote_is_a_refusal_with_its_words(bump: Bump, origin: Path, words: str) -> None:
    hook(origin, "pre-receive", f"{words}; exit 1")
    before = refs(origin)
    with pytest.raises(ProtectedBranchError, match="hook declined") as caught:
        bump.push()
    assert isinstance(caught.value, RefusedError)
    assert "GH0" not in words or words[13:18] in str(caught.value)
    assert "see the branch's rules" in str(caught.value)
    assert refs(origin) == before


def test_the_token_opens_the_server_and_is_left_nowhere(server: Server, origin: Path, tmp_path: Path) -> None:
    bump = Bump(server.remote(), tmp_path / "clone")
    bump.push()
    assert refs(origin).items() >= bump.updates.items()
    assert {authorization for _, authorization in server.seen} == {f"Basic {BASIC}"}
    assert len(server.seen) > 3
    assert server.leaks == []
    for file in (path for path in bump.checkout.path.rglob("*") if path.is_file()):
        assert TOKEN.encode() not in file.read_bytes()
        assert BASIC.encode() not in file.read_bytes()
    assert TOKEN not in repr(bump.checkout.remote)


def test_no_other_server_gets_the_token(server: Server, tmp_path: Path) -> None:
    with serve(tmp_path) as other:
        server.answers = [(302, {"Location": f"{other.address}/origin.git/info/refs?service=git-upload-pack"}, "")]
        with pytest.raises(RepositoryError, match="302") as caught:
            asyncio.run(Checkout.clone(server.remote(), "main", tmp_path / "clone"))
        assert "it has moved" in str(caught.value)
        assert other.seen == []
        env = environment(server.remote())
        keys = {
            env[f"GIT_CONFIG_KEY_{n}"]
            for n in range(int(env["GIT_CONFIG_COUNT"]))
            if BASIC in env[f"GIT_CONFIG_VALUE_{n}"]
        }
        assert keys == {f"http.{server.address}/.extraHeader"}


def test_the_users_own_header_and_helper_do_not_answer_in_the_tokens_place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(
        f'[http "{server.address}/"]\nextraHeader = Authorization: Basic b2xk\n'
        f'[credential]\nhelper = "!touch {tmp_path}/asked; echo username=x; echo password=y; true"\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    asyncio.run(Repository(server.remote(), tmp_path).remote_refs())
    with pytest.raises(TokenError):
        asyncio.run(Repository(server.remote("ghp_wrong"), tmp_path).remote_refs())
    assert not (tmp_path / "asked").exists()


def test_without_a_token_gits_own_access_serves(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(
        f'[credential]\nhelper = "!echo username=x-access-token; echo password={TOKEN}; true"\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert MAIN in asyncio.run(Repository(server.remote(None), tmp_path).remote_refs())


def test_the_configuration_that_an_environment_gives_is_kept(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{origin}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://example.org/x.git")
    remote = Remote(url="https://example.org/x.git")
    assert MAIN in asyncio.run(Repository(remote, tmp_path).remote_refs())


@pytest.mark.parametrize(
    ("status", "body", "kind", "transient"),
    [
        (401, "Bad credentials", TokenError, False),
        (403, f"Permission to o/n.git denied to bot with {TOKEN}.", TokenError, False),
        (404, "Repository not found.", RepositoryError, False),
        (429, "", RemoteUnreachableError, True),
        (500, f"went wrong for {BASIC}", RemoteUnreachableError, True),
        (503, "", RemoteUnreachableError, True),
        (0, "", RemoteUnreachableError, True),
    ],
)
@pytest.mark.parametrize("when", ["clone", "push"])
def test_what_a_server_answers_is_told_apart_without_its_secrets(
    server: Server,
    tmp_path: Path,
    status: int,
    body: str,
    kind: type[InterlockError],
    transient: bool,
    when: str,
) -> None:
    bump = Bump(server.remote(), tmp_path / "clone")
    server.answers = [(status, {"WWW-Authenticate": "Basic"}, body)] * 3
    again = Checkout.clone(server.remote(), "main", tmp_path / "again")
    push = bump.checkout.push(bump.updates, bump.expected)
    asked, unasked = (again, push) if when == "clone" else (push, again)
    unasked.close()
    with pytest.raises(kind) as caught:
        asyncio.run(asked)
    assert type(caught.value) is kind
    assert caught.value.transient is transient
    assert caught.value.hint
    assert TOKEN not in str(caught.value)
    assert BASIC not in str(caught.value)
    assert server.address in str(caught.value)


def test_a_push_whose_answer_is_lost_is_seen_in_the_refs(server: Server, origin: Path, tmp_path: Path) -> None:
    bump = Bump(server.remote(), tmp_path / "clone")
    hook(origin, "post-receive", "kill -9 $PPID")
    with contextlib.suppress(RemoteUnreachableError):
        bump.push()
    assert asyncio.run(bump.checkout.remote_refs()).items() >= bump.updates.items()


def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    repository = Repository(Remote(url="http://127.0.0.1:9/x.git", token=SecretStr(TOKEN)), tmp_path)
    with pytest.raises(RemoteUnreachableError, match=r"the refs of http://127\.0\.0\.1:9/x\.git can't be read"):
        asyncio.run(repository.remote_refs())


def test_a_push_that_takes_too_long_is_transient(bump: Bump, origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook(origin, "pre-receive", "sleep 30")
    monkeypatch.setattr("interlock.adapters.git.command.TIMEOUT", 0.3)
    with pytest.raises(RemoteUnreachableError, match=r"not within 0\.3 s"):
        bump.push()


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("! [remote rejected] main -> main (cannot lock ref 'refs/heads/main': is at 1 but expected 2)", PushRaceError),
        ("! HEAD:refs/heads/main [rejected] (fetch first)\nerror: failed to push some refs to 'x'", PushRaceError),
        ("! a:refs/tags/v1 [rejected] (already exists)", PushRaceError),
        ("! a:refs/heads/main [remote rejected] (protected branch hook declined)", ProtectedBranchError),
        (
            "! a:refs/heads/main [remote rejected] (push declined due to repository rule violations)",
            ProtectedBranchError,
        ),
        (
            "! a:b [remote rejected] (refusing to allow an OAuth App to update workflow `x` without `workflow` scope)",
            TokenError,
        ),
        ("remote: Repository not found.\nfatal: repository 'https://x/y.git/' not found", RepositoryError),
        ("remote: Write access to repository not granted.\nfatal: ... error: 403", TokenError),
        ("git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.", TokenError),
        ("error: RPC failed; HTTP 502 curl 22\nfatal: the remote end hung up unexpectedly", RemoteUnreachableError),
        ("ssh: Could not resolve hostname github.com: Temporary failure in name resolution", RemoteUnreachableError),
        ("fatal: something that nobody has seen", RepositoryError),
    ],
)
def test_gits_words_are_told_apart(words: str, kind: type[InterlockError]) -> None:
    error = error_for("main can't be pushed", words)
    assert type(error) is kind
    assert error.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cr3t@example.org/x.git",
        "https://s3cr3t@example.org/x.git",
        "",
        "-x",
        "a b",
        "ssh://u:s3cr3t@h/x",
    ],
)
def test_an_address_with_credentials_is_none(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Remote(url=url)
    assert "s3cr3t" not in str(caught.value)


def test_a_token_is_sent_to_web_servers_only() -> None:
    assert Remote(url="git@github.com:o/n.git", token=SecretStr(TOKEN)).settings() == []
    assert Remote(url="/srv/x.git", token=SecretStr(TOKEN)).settings() == []
    header = dict(Remote(url="https://github.com/o/n.git", token=SecretStr(TOKEN)).settings())
    sent = header["http.https://github.com/.extraHeader"].removeprefix("Authorization: Basic ")
    assert base64.b64decode(sent).decode() == f"x-access-token:{TOKEN}"
