import asyncio
import itertools
import time
import traceback
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest

from interlock.adapters.github import (
    AlreadyExistsError,
    BranchRules,
    GitHub,
    GitHubRelease,
    GitHubServer,
    RateLimitError,
    RetryPolicy,
    UnreachableError,
    github_server,
)
from interlock.common import retry
from interlock.errors import GitHubError, InterlockError, TokenError, UsageError
from tests.support.github_samples import AT_ONCE, SAMPLES, TOKEN, Wire, answer, github, json_answer

SINCE = datetime(2026, 11, 20, 12, 0, 1, 999, tzinfo=UTC)
REPOSITORY = {
    "full_name": "o/n",
    "default_branch": "main",
    "private": True,
    "html_url": "https://example.org/o/n",
    "permissions": {"push": True, "admin": False, "pull": True},
}
RELEASE = {
    "id": 1,
    "tag_name": "v1",
    "name": "n 1",
    "draft": False,
    "prerelease": False,
    "html_url": "https://example.org/o/n/releases/v1",
    "upload_url": "https://uploads.example.org/repos/o/n/releases/1/assets{?name,label}",
    "assets": [],
}


async def asking(client: GitHub, method: str) -> None:
    if method == "GET":
        await client.runs("o/n", event="repository_dispatch", since=SINCE)
    else:
        await client.create_release("o/n", tag="v1", name="n 1", body="")


@pytest.mark.parametrize(
    ("sample", "kind", "words"),
    [
        ("401-bad-credentials", TokenError, "the token of REPO_DISPATCH_TOKEN is no valid one (any more)"),
        ("403-fine-grained-lacks-contents", TokenError, "needs the permission contents: write for this repository"),
        (
            "403-either-permission",
            TokenError,
            "the permission contents: write and workflows: write or administration: write for",
        ),
        ("403-classic-lacks-scope", TokenError, "needs the scope repo, and has read:org, gist"),
        ("403-classic-without-scopes", TokenError, "needs the scope public_repo or repo, and has none"),
        ("403-role", TokenError, "may not do this: see its permissions and its owner's role"),
        ("403-single-sign-on", TokenError, "for the organisation's single sign-on"),
        ("403-archived", GitHubError, "unarchive the repository"),
        ("403-primary-limit", RateLimitError, "GitHub takes it again in"),
        ("429-primary-limit", RateLimitError, "GitHub takes it again in"),
        ("403-secondary-limit-retry-after", RateLimitError, "GitHub takes it again in 3600 s"),
        ("403-secondary-limit", RateLimitError, "GitHub takes it again in 60 s"),
        ("429-without-words", RateLimitError, "GitHub takes it again in 60 s"),
        ("404-not-found", TokenError, "o/n does not exist on GitHub, or the token of REPO_DISPATCH_TOKEN cannot see"),
        ("301-moved", GitHubError, "it has moved\n  write its new place into the family file"),
        ("422-already-exists", AlreadyExistsError, "Validation Failed for 'tag_name'"),
        ("422-custom-message", GitHubError, "body is too long"),
        ("422-not-json", GitHubError, "422 Unprocessable Entity"),
        ("409-conflict", GitHubError, "Git Repository is empty."),
        ("500-html", UnreachableError, "500 Internal Server Error"),
        ("502-bad-gateway", UnreachableError, "502 Server Error"),
        ("503-retry-later", UnreachableError, "503 No server is currently available"),
        ("200-not-json", UnreachableError, "no answer of GitHub's"),
        ("599-unheard-of", UnreachableError, "no answer of GitHub's"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_refusal_says_what_was_asked_what_github_said_and_the_cure(
    sample: str, kind: type[InterlockError], words: str, method: str
) -> None:
    wire = Wire(answer(sample))
    client = github(wire)
    with pytest.raises(kind) as caught:
        asyncio.run(asking(client, method))
    error = caught.value
    assert words in str(error)
    assert str(error).startswith("o/n")
    assert error.transient is issubclass(kind, (UnreachableError, RateLimitError))
    assert TOKEN not in "".join(traceback.format_exception(error)) + repr(error)
    assert len(wire.heard) == (AT_ONCE.attempts if kind is UnreachableError and method == "GET" else 1)


def test_every_sample_is_used() -> None:
    text = Path(__file__).read_text()
    assert [path.stem for path in SAMPLES.iterdir() if f'"{path.stem}"' not in text] == []


@pytest.mark.parametrize("trouble", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_a_broken_connection_is_unreachable(trouble: Exception) -> None:
    with pytest.raises(UnreachableError, match=f"o/n: GitHub did not show the repository: {type(trouble).__name__}"):
        asyncio.run(github(Wire(trouble)).repository("o/n"))


@pytest.mark.parametrize(
    "trouble", [answer("502-bad-gateway"), answer("500-html"), httpx.ReadError("x"), answer("200-not-json")]
)
def test_a_read_is_tried_again_and_a_write_is_not(trouble: httpx.Response | Exception) -> None:
    reading = Wire(trouble, trouble, json_answer(REPOSITORY))
    assert asyncio.run(github(reading).repository("o/n")).full_name == "o/n"
    assert len(reading.heard) == 3
    writing = Wire(trouble, json_answer(RELEASE))
    with pytest.raises(UnreachableError):
        asyncio.run(github(writing).create_release("o/n", tag="v1", name="", body=""))
    assert len(writing.heard) == 1


def test_a_write_that_a_rate_limit_refused_is_sent_again_except_a_dispatch() -> None:
    refused = answer("403-secondary-limit", **{"retry-after": "0"})
    writing = Wire(refused, refused, json_answer(RELEASE))
    assert asyncio.run(github(writing).create_release("o/n", tag="v1", name="", body="")).id == 1
    assert len(writing.heard) == 3
    dispatching = Wire(refused, httpx.Response(204))
    with pytest.raises(RateLimitError):
        asyncio.run(github(dispatching).dispatch("o/n", "core_release", {}))
    assert len(dispatching.heard) == 1


def test_what_github_asks_to_wait_is_waited_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pass_at_once(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(retry, "sleep", pass_at_once)
    wire = Wire(answer("403-secondary-limit", **{"retry-after": "4"}), json_answer(REPOSITORY))
    assert asyncio.run(github(wire).repository("o/n")).full_name == "o/n"
    assert pauses == [4]
    far = Wire(answer("429-primary-limit", **{"x-ratelimit-reset": str(time.time() + 60)}))
    with pytest.raises(RateLimitError) as caught:
        asyncio.run(github(far, patience=AT_ONCE).repository("o/n"))
    assert 55 < caught.value.seconds < 65
    assert len(far.heard) == 1


def test_the_words_of_a_limit_that_make_no_sense_stand_for_a_minute() -> None:
    with pytest.raises(RateLimitError) as caught:
        asyncio.run(github(Wire(answer("403-secondary-limit", **{"retry-after": "soon"}))).repository("o/n"))
    assert caught.value.seconds == 60


def test_the_pauses_grow_and_are_not_the_same_for_all() -> None:
    from tenacity import AsyncRetrying, RetryCallState

    policy, pauses = RetryPolicy(), []
    for attempt in (1, 2, 3, 9):
        state = RetryCallState(AsyncRetrying(), None, (), {})
        state.attempt_number = attempt
        pauses.append({policy._wait(state) for _ in range(50)})
    assert max(pauses[0]) <= 1 < max(pauses[2]) <= 4
    assert all(len(some) > 10 for some in pauses)
    assert max(pauses[3]) <= policy.longest_backoff


def test_requests_name_the_version_the_client_and_the_token() -> None:
    wire = Wire(json_answer(REPOSITORY))
    asyncio.run(github(wire).repository("o/n"))
    headers = wire.heard[0].headers
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["user-agent"] == "interlock"
    assert headers["authorization"] == f"token {TOKEN}"
    assert str(wire.heard[0].url) == "https://api.example.org/repos/o/n"


def test_writes_keep_their_distance_and_reads_do_not() -> None:
    times: dict[str, list[float]] = {"POST": [], "GET": []}

    def hear(request: httpx.Request) -> httpx.Response:
        times[request.method].append(time.monotonic())
        return json_answer(RELEASE) if request.method == "POST" else json_answer(REPOSITORY)

    async def ask() -> None:
        client = github(hear, place=GitHubServer(api="https://api.example.org", pause_between_writes=0.1))
        writes = [client.create_release("o/n", tag="v1", name="", body="") for _ in range(4)]
        reads = [client.repository("o/n") for _ in range(4)]
        await asyncio.gather(*writes, *reads)

    asyncio.run(ask())
    posts = times["POST"]
    assert all(later - earlier > 0.09 for earlier, later in itertools.pairwise(posts))
    assert max(times["GET"]) < posts[2]


@pytest.mark.parametrize("name", ["n", "o/n/x", "o/..", "../n", "o n/n", "", "o/n?x", "ö/n"])
def test_what_is_no_repository_is_asked_of_nobody(name: str) -> None:
    wire = Wire(json_answer(REPOSITORY))
    with pytest.raises(UsageError, match="is not a repository on GitHub"):
        asyncio.run(github(wire).repository(name))
    assert wire.heard == []


def test_lists_are_read_page_by_page_and_no_further_than_needed() -> None:
    def hear(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        tags = [{**RELEASE, "id": number, "tag_name": f"v{number}", "draft": True}]
        following = f'<https://api.example.org/repos/o/n/releases?per_page=100&page={number + 1}>; rel="next"'
        return json_answer(tags, link=following) if number < 5 else json_answer(tags)

    wire = Wire()

    def listen(request: httpx.Request) -> httpx.Response:
        wire.heard.append(request)
        return answer("404-not-found") if "/tags/" in request.url.path else hear(request)

    release = asyncio.run(github(listen).release("o/n", "v3"))
    assert release is not None
    assert release.id == 3
    assert len(wire.heard) == 4
    assert asyncio.run(github(listen).release("o/n", "v9")) is None
    assert len(wire.heard) == 10


def test_an_answer_that_lacks_something_says_what() -> None:
    lacking = {key: value for key, value in REPOSITORY.items() if key != "default_branch"}
    with pytest.raises(GitHubError, match=r"o/n: GitHub's answer is not as its description says: default_branch"):
        asyncio.run(github(Wire(json_answer(lacking))).repository("o/n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-03-31 00:00:00 UTC", datetime(2027, 3, 31, tzinfo=UTC)),
        ("2027-03-31 09:00:00 +0900", datetime(2027, 3, 31, 9, tzinfo=timezone(timedelta(hours=9)))),
        ("next year", None),
        (None, None),
    ],
)
def test_both_forms_of_a_tokens_end_are_read(text: str | None, expected: datetime | None) -> None:
    headers = {"github-authentication-token-expiration": text} if text else {}
    facts = asyncio.run(github(Wire(json_answer({"login": "me"}, **headers)), token="github_pat_x").token_facts())
    assert (facts.kind, facts.login, facts.scopes, facts.expires_at) == ("fine-grained", "me", None, expected)


@pytest.mark.parametrize(
    ("token", "headers", "kind", "scopes", "asked"),
    [
        ("ghp_x", {"x-oauth-scopes": "repo, workflow"}, "classic", {"repo", "workflow"}, "GET /user"),
        ("ghp_x", {"x-oauth-scopes": ""}, "classic", set(), "GET /user"),
        ("0123abcd", {"x-oauth-scopes": "repo"}, "classic", {"repo"}, "GET /user"),
        ("0123abcd", {}, "unknown", None, "GET /user"),
        ("github_pat_x", {}, "fine-grained", None, "GET /user"),
        ("ghs_x", {}, "app", None, "GET /rate_limit"),
    ],
)
def test_a_token_is_known_by_its_form_and_its_headers(
    token: str, headers: dict[str, str], kind: str, scopes: set[str] | None, asked: str
) -> None:
    wire = Wire(json_answer({"login": "me"} if asked == "GET /user" else {"resources": {}}, **headers))
    facts = asyncio.run(github(wire, token=token).token_facts())
    assert (facts.kind, facts.scopes) == (kind, scopes)
    assert wire.asked == [asked]


def rules(*, branch: object, ruled: list[dict[str, object]], protection: httpx.Response) -> BranchRules:
    def hear(request: httpx.Request) -> httpx.Response:
        if "/rules/" in request.url.path:
            return json_answer([{"ruleset_id": 1, **rule} for rule in ruled])
        if request.url.path.endswith("/rulesets/1"):
            return json_answer({"id": 1, "current_user_can_bypass": "never"})
        return protection if request.url.path.endswith("/protection") else json_answer(branch)

    return asyncio.run(github(hear).branch_rules("o/n", "main"))


def test_rules_come_from_rulesets_and_from_the_older_protection() -> None:
    found = rules(
        branch={"protected": True, "protection": {"required_status_checks": {"contexts": ["lint"]}}},
        ruled=[
            {"type": "required_signatures"},
            {"type": "required_status_checks", "parameters": {"required_status_checks": [{"context": "test"}]}},
        ],
        protection=json_answer({"required_linear_history": {"enabled": True}, "enforce_admins": {"enabled": False}}),
    )
    assert found == BranchRules(
        protected=True,
        needs_signatures=True,
        needs_linear_history=True,
        needs_checks=("lint", "test"),
        binds_admins=False,
        ruled=True,
    )


@pytest.mark.parametrize(
    ("rule", "told_by"),
    [
        ("needs_pull_request", {"required_pull_request_reviews": {}}),
        ("needs_signatures", {"required_signatures": {"enabled": True}}),
        ("is_locked", {"lock_branch": {"enabled": True}}),
        ("is_locked", {"restrictions": {"users": []}}),
    ],
)
def test_each_rule_of_the_older_protection_is_seen(rule: str, told_by: dict[str, object]) -> None:
    assert getattr(rules(branch={"protected": True}, ruled=[], protection=json_answer(told_by)), rule) is True


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("pull_request", "needs_pull_request"),
        ("required_linear_history", "needs_linear_history"),
        ("update", "is_locked"),
    ],
)
def test_each_rule_of_a_ruleset_is_seen(kind: str, rule: str) -> None:
    found = rules(branch={"protected": False}, ruled=[{"type": kind}], protection=answer("404-not-found"))
    assert getattr(found, rule) is True
    assert found.protected
    assert found.details_readable


@pytest.mark.parametrize("sample", ["403-role", "404-not-found"])
def test_rules_that_may_not_be_read_are_said_to_be_unknown(sample: str) -> None:
    found = rules(branch={"protected": True}, ruled=[], protection=answer(sample))
    assert (found.protected, found.details_readable, found.binds_admins) == (True, False, None)


def test_uploads_go_where_github_says_and_to_no_weaker_server(tmp_path: Path) -> None:
    file = tmp_path / "a b.whl"
    file.write_bytes(b"x" * 1_000_000)
    wire = Wire(json_answer({"id": 5, "name": "a b.whl", "size": 1_000_000, "state": "uploaded", "digest": "sha256:1"}))
    release = GitHubRelease.model_validate(RELEASE)
    asset = asyncio.run(github(wire).upload_asset("o/n", release, file))
    assert (asset.id, asset.state, asset.digest) == (5, "uploaded", "sha256:1")
    sent = wire.heard[0]
    assert str(sent.url) == "https://uploads.example.org/repos/o/n/releases/1/assets?name=a+b.whl"
    assert sent.headers["authorization"] == f"token {TOKEN}"
    assert sent.headers["content-length"] == "1000000"
    assert "transfer-encoding" not in sent.headers
    plain = release.model_copy(update={"upload_url": "http://uploads.example.org/x{?name,label}"})
    with pytest.raises(GitHubError, match="another kind of server"):
        asyncio.run(github(wire).upload_asset("o/n", plain, file))
    assert len(wire.heard) == 1


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (answer("502-bad-gateway"), UnreachableError),
        (httpx.WriteError("x"), UnreachableError),
        (answer("422-already-exists"), AlreadyExistsError),
    ],
)
def test_a_failed_upload_is_not_repeated(
    tmp_path: Path, trouble: httpx.Response | Exception, kind: type[InterlockError]
) -> None:
    file = tmp_path / "x.whl"
    file.write_bytes(b"x")
    wire = Wire(trouble)
    with pytest.raises(kind, match=r"o/n: GitHub did not take the file x\.whl"):
        asyncio.run(github(wire).upload_asset("o/n", GitHubRelease.model_validate(RELEASE), file))
    assert len(wire.heard) == 1


def test_the_place_is_the_one_that_the_environment_names() -> None:
    assert github_server({}).pause_between_writes == 1.0
    assert github_server({}).remote("o/n") == "https://github.com/o/n.git"
    ours = github_server({"GITHUB_API_URL": "http://127.0.0.1:8001/", "GITHUB_SERVER_URL": "http://127.0.0.1:8002/"})
    assert ours == GitHubServer(api="http://127.0.0.1:8001", server="http://127.0.0.1:8002", pause_between_writes=0)
    theirs = github_server({"GITHUB_API_URL": "https://ghe.example.org/api/v3"})
    assert (theirs.api, theirs.pause_between_writes) == ("https://ghe.example.org/api/v3", 1.0)


def test_an_api_below_a_folder_is_asked_there() -> None:
    wire = Wire(json_answer(REPOSITORY))
    asyncio.run(github(wire, place=GitHubServer(api="https://ghe.example.org/api/v3")).repository("o/n"))
    assert str(wire.heard[0].url) == "https://ghe.example.org/api/v3/repos/o/n"


def test_a_file_that_github_does_not_show_whole_is_an_error() -> None:
    entry = {"path": "x/big", "type": "file"}
    wire = Wire(
        json_answer([entry, {"path": "x/folder", "type": "dir"}]),
        json_answer({**entry, "encoding": "none", "content": ""}),
    )
    with pytest.raises(GitHubError, match="x/big is too large"):
        asyncio.run(github(wire).files("o/n", "x"))
    assert wire.asked == ["GET /repos/o/n/contents/x", "GET /repos/o/n/contents/x/big"]


def test_runs_before_the_time_are_left_out_to_the_second() -> None:
    def run(number: int, at: str) -> dict[str, object]:
        return {
            "id": number,
            "path": "x.yml",
            "display_title": "t",
            "event": "repository_dispatch",
            "status": "queued",
            "conclusion": None,
            "html_url": "u",
            "created_at": at,
        }

    wire = Wire(json_answer({"workflow_runs": [run(2, "2026-11-20T12:00:01Z"), run(1, "2026-11-20T12:00:00Z")]}))
    found = asyncio.run(github(wire).runs("o/n", event="repository_dispatch", since=SINCE))
    assert [each.id for each in found] == [2]
    assert wire.heard[0].url.params["created"] == ">=2026-11-20T12:00:01Z"


def test_a_file_of_a_release_that_is_gone_is_no_error_to_remove() -> None:
    asyncio.run(github(Wire(answer("404-not-found"))).delete_asset("o/n", 7))
