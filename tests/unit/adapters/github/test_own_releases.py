"""Which workflows of a repository release it by themselves, on what happens there."""

import pytest

from interlock.adapters.github.workflows import HEADS, TAGS, Happening, own_releases
from interlock.adapters.github.workflows.conditions import holds
from interlock.adapters.github.workflows.patterns import matches, selects

PUSH = Happening(
    event="push", said="a push", refs=(f"{HEADS}main",), paths=("pyproject.toml",), message="chore(release): v1.2.4"
)
TAG = Happening(event="push", said="a tag", refs=(f"{TAGS}v1.2.3", f"{TAGS}v2.0.0"))
PAGE = Happening(event="release", said="a release", refs=TAG.refs, actions=frozenset({"published", "released"}))
SENT = Happening(event="repository_dispatch", said="core_release", refs=PUSH.refs, actions=frozenset({"core_release"}))
MERGE = Happening(event="pull_request", said="a merge", refs=PUSH.refs, actions=frozenset({"closed"}))
DISPATCHED = "{repository_dispatch: {types: [core_release]}}"
UPLOAD = "run: twine upload dist/*"


def workflow(on: str, step: str = UPLOAD, *, job: str = "", name: str = "") -> bytes:
    head = f"name: {name}\n" if name else ""
    return f"{head}on: {on}\njobs:\n  go:\n    runs-on: x\n{job}    steps:\n      - {step}\n".encode()


def found(files: dict[str, bytes] | bytes, *happenings: Happening) -> list[tuple[str, int, bool]]:
    named = files if isinstance(files, dict) else {"a.yml": files}
    return [(each.path, each.line, each.is_sure) for each in own_releases(named, happenings, "main")]


def surely(text: bytes, *happenings: Happening) -> bool | None:
    """Whether it surely releases; None when it does not."""
    return next((is_sure for _, _, is_sure in found(text, *happenings)), None)


@pytest.mark.parametrize(
    "step",
    [
        "uses: pypa/gh-action-pypi-publish@release/v1",
        "uses: PyPA/gh-action-pypi-publish@0123abc",
        "uses: softprops/action-gh-release@v2",
        "uses: googleapis/release-please-action@v4",
        "uses: python-semantic-release/python-semantic-release@v9",
        "{uses: PyO3/maturin-action@v1, with: {command: upload}}",
        UPLOAD,
        "run: python -m twine upload --skip-existing dist/*",
        "run: TWINE_USERNAME=__token__ twine upload dist/*",
        "run: uvx --from twine twine upload dist/*",
        "run: uv run twine upload dist/*",
        "run: uv publish",
        "run: poetry publish --build",
        "run: poetry -n publish",
        "run: flit publish",
        "run: hatch publish",
        "run: pdm publish",
        "run: python setup.py sdist bdist_wheel upload",
        "run: make dist && uv publish --token x",
        "run: if [ -n x ]; then uv publish; fi",
        'run: gh release create "v$V" dist/*',
        "run: semantic-release version",
        "run: npx semantic-release",
        'run: git tag "v$V"',
        "run: git tag -a v1 -m v1",
        "run: git push origin main --tags",
        "run: git push --follow-tags",
        "run: cz bump --yes",
    ],
)
def test_a_step_that_publishes_or_tags_is_found(step: str) -> None:
    assert surely(workflow("push", step), PUSH) is True


@pytest.mark.parametrize(
    "step",
    [
        "uses: actions/checkout@v4",
        "{uses: pypa/gh-action-pypi-publish@v1, with: {repository-url: 'https://test.pypi/legacy/'}}",
        "run: twine upload --repository testpypi dist/*",
        "run: twine check dist/*",
        "run: uv publish --dry-run",
        "run: echo uv publish",
        "run: '# uv publish'",
        "run: git tag --list 'v*'",
        "run: git tag",
        "run: git push",
        "run: gh release view v1",
        "run: make on-release",
        "run: pip install twine",
    ],
)
def test_a_step_that_does_something_else_is_not(step: str) -> None:
    assert surely(workflow("push", step), PUSH) is None


def test_a_script_with_the_name_of_a_release_is_a_guess() -> None:
    assert surely(workflow("push", "run: make release"), PUSH) is False
    assert surely(workflow("push", "uses: ./.github/actions/publish"), PUSH) is False
    called = b"on: push\njobs:\n  go:\n    uses: acme/shared/.github/workflows/publish.yml@v1\n"
    assert surely(called, PUSH) is False


def test_the_place_is_that_of_the_command() -> None:
    script = "run: |\n          make\n          twine \\\n            upload dist/*"
    assert found(workflow("push", script), PUSH) == [("a.yml", 8, True)]


@pytest.mark.parametrize(
    ("on", "happening", "sure"),
    [
        ("push", PUSH, True),
        ("push", TAG, True),
        ("[push, release]", PAGE, True),
        ("workflow_dispatch", PUSH, None),
        ("schedule", PUSH, None),
        ("{push: {branches: [main]}}", PUSH, True),
        ("{push: {branches: [main]}}", TAG, None),
        ("{push: {branches: ['release/**']}}", PUSH, None),
        ("{push: {branches: ['**', '!main']}}", PUSH, None),
        ("{push: {branches-ignore: [main]}}", PUSH, None),
        ("{push: {branches-ignore: [dev]}}", TAG, None),
        ("{push: {tags: ['v*']}}", TAG, True),
        ("{push: {tags: ['v2.*']}}", TAG, True),
        ("{push: {tags: ['v[0-9]+.[0-9]+.[0-9]+']}}", TAG, True),
        ("{push: {tags: ['api-*']}}", TAG, None),
        ("{push: {tags: ['v*']}}", PUSH, None),
        ("{push: {paths: [pyproject.toml]}}", PUSH, True),
        ("{push: {paths: [pyproject.toml]}}", TAG, True),
        ("{push: {paths: ['src/**']}}", PUSH, False),
        ("{push: {paths-ignore: ['docs/**']}}", PUSH, True),
        ("{push: {paths-ignore: ['*.toml']}}", PUSH, False),
        ("release", PAGE, True),
        ("{release: {types: [published]}}", PAGE, True),
        ("{release: {types: [created]}}", PAGE, None),
        ("repository_dispatch", SENT, True),
        (DISPATCHED, SENT, True),
        ("{repository_dispatch: {types: [other]}}", SENT, None),
        ("pull_request", MERGE, None),
        ("{pull_request: {types: [closed], branches: [main]}}", MERGE, True),
        ("{pull_request: {types: [closed], branches: [dev]}}", MERGE, None),
    ],
)
def test_only_a_workflow_that_starts_counts(on: str, happening: Happening, sure: bool | None) -> None:
    assert surely(workflow(on), happening) is sure


@pytest.mark.parametrize(
    ("condition", "happening", "answer"),
    [
        ("always()", PUSH, True),
        ("false", PUSH, False),
        ("startsWith(github.ref, 'refs/tags/')", PUSH, False),
        ("${{ startsWith(github.ref, 'refs/tags/v') }}", TAG, True),
        ("github.ref == 'refs/heads/main' && github.event_name == 'push'", PUSH, True),
        ("github.event_name == 'release' || github.ref_type == 'tag'", TAG, True),
        ("github.event_name != 'pull_request'", PUSH, True),
        ("github.event.pull_request.merged == true", MERGE, True),
        ("github.event.action == 'core_release'", SENT, True),
        ("!contains(github.event.head_commit.message, 'chore(release)')", PUSH, False),
        ("!contains(github.event.head_commit.message, '[skip]') && true", PUSH, True),
        ("github.actor != 'bot'", PUSH, None),
        ("github.actor != 'bot' && false", PUSH, False),
        ("(github.ref == 'x')", PUSH, None),
        ("needs.plan.outputs.go == 'yes'", PUSH, None),
        ("github.ref == 'refs/tags/v1.2.3'", TAG, None),
        ("'a||b' == github.ref", PUSH, None),
    ],
)
def test_a_condition_is_decided_where_githubs_facts_decide_it(
    condition: str, happening: Happening, answer: bool | None
) -> None:
    assert holds(condition, happening) is answer


def test_a_condition_that_is_not_known_makes_it_unsure_and_one_that_excludes_takes_it_out() -> None:
    assert surely(workflow("push", "{run: uv publish, if: 'env.X == 1'}"), PUSH) is False
    assert surely(workflow("push", job="    if: startsWith(github.ref, 'refs/tags/')\n"), PUSH) is None
    needs = b"on: push\njobs:\n  a: {if: false, steps: []}\n  b: {needs: a, steps: [{run: uv publish}]}\n"
    assert surely(needs, PUSH) is None


def test_what_it_calls_and_what_follows_it_are_looked_at() -> None:
    caller = b"on: push\njobs:\n  go:\n    uses: ./.github/workflows/_publish.yml\n"
    folder = ".github/workflows/"
    files = {f"{folder}ci.yml": caller, f"{folder}_publish.yml": workflow("workflow_call")}
    (one,) = own_releases(files, [PUSH], "main")
    assert str(one) == f"{folder}_publish.yml:6 runs twine upload on a push (by way of {folder}ci.yml)"
    after = {
        "ci.yml": workflow("push", "run: make", name="CI"),
        "out.yml": workflow(
            "{workflow_run: {workflows: [CI], types: [completed], branches: [main]}}",
            job="    if: github.event.workflow_run.conclusion == 'success'\n",
        ),
    }
    assert found(after, PUSH) == [("out.yml", 7, True)]
    assert found(after, TAG) == []


def test_a_dispatch_whose_pull_request_is_released_when_it_is_merged_is_found_by_its_way() -> None:
    files = {
        "on_core_release.yml": workflow(DISPATCHED, "uses: peter-evans/create-pull-request@v6"),
        "auto_release_on_merge.yml": workflow(
            "{pull_request: {types: [closed], branches: [main]}}",
            job="    if: github.event.pull_request.merged == true\n",
        ),
    }
    (one,) = own_releases(files, [SENT], "main")
    assert (one.path, one.is_sure, one.by) == ("auto_release_on_merge.yml", False, ("on_core_release.yml",))
    by_name = {"a.yml": workflow(DISPATCHED, "run: gh workflow run out.yml"), "out.yml": workflow("workflow_dispatch")}
    assert found(by_name, SENT) == [("out.yml", 6, False)]
    assert found(by_name, PUSH) == []


def test_hostile_files_end_soon() -> None:
    ring = {
        f"{n}.yml": workflow("{workflow_run: {workflows: ['*', w1, w2]}, push: {}}", "run: git push", name=f"w{n}")
        for n in range(60)
    }
    assert found(ring, PUSH) == []
    called = (
        b"on: [push, workflow_call]\njobs: {a: {uses: ./.github/workflows/a.yml}, b: {uses: ./.github/workflows/a.yml}}"
    )
    assert found({".github/workflows/a.yml": called}, PUSH) == []
    assert not matches("**" * 240 + "x", "v" * 200)
    assert found({"a.yml": b"- no mapping", "b.yml": b"\xff", "c.yml": b"on: [", "d.txt": b""}, PUSH) == []


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("*", "main", True),
        ("*", "a/b", False),
        ("**", "a/b", True),
        ("v?1", "1", True),
        ("v?1", "v1", True),
        ("v[12].[0-9]+", "v2.14", True),
        ("v[12].[0-9]+", "v3.1", False),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        ("", "main", False),
    ],
)
def test_a_pattern_means_what_github_says(pattern: str, text: str, is_match: bool) -> None:
    assert matches(pattern, text) is is_match


def test_the_last_pattern_that_matches_decides() -> None:
    assert selects(["releases/**", "!releases/**-a"], "releases/1")
    assert not selects(["releases/**", "!releases/**-a"], "releases/1-a")
    assert selects(["releases/**", "!releases/**-a", "releases/1-a"], "releases/1-a")
