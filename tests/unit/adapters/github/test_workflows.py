import re
import shutil
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.github.workflows import ListenerMatch, Workflow, listener, listens, read
from interlock.adapters.github.workflows.template import ANYTHING_PLAIN, NAME, VERSION
from interlock.adapters.github.workflows.yaml_nodes import LARGEST
from interlock.errors import UsageError

PATH = ".github/workflows/release.yml"
JOBS = "\njobs: {go: {runs-on: x, steps: [{run: make}]}}\n"


def workflow(on: str) -> Workflow:
    return read(PATH, (on + JOBS).encode())


def faults(on: str) -> list[str]:
    return [str(found) for found in workflow(on).faults]


def warnings(on: str) -> list[str]:
    return [str(found) for found in workflow(on).warnings]


def script(run: str) -> ListenerMatch:
    text = f"on: repository_dispatch\njobs:\n  go:\n    steps:\n      - run: {run}\n"
    return listens({PATH: text.encode()}, "core_release")


@pytest.mark.parametrize(
    "on",
    [
        "on: repository_dispatch",
        '"on": repository_dispatch',
        "on: [push, repository_dispatch]",
        "on:\n- repository_dispatch",
        "on: {repository_dispatch: }",
        "on: {repository_dispatch: null, push: {branches: [main]}}",
        "on: {repository_dispatch: {types: core_release}}",
        "on: {repository_dispatch: {types: [other, core_release]}}",
        "on:\n  repository_dispatch:\n    types:\n      - core_release",
        "x: &t [core_release]\non: {repository_dispatch: {types: *t}}",
        "\ufeffon: repository_dispatch",
        "? [a]\n: b\non: repository_dispatch",
    ],
)
def test_every_form_of_on_is_heard(on: str) -> None:
    found = workflow(on)
    assert found.listens_to("core_release")
    assert (found.faults, found.warnings) == ((), ())


@pytest.mark.parametrize(
    "on",
    ["on: push", "on: [push]", "on: {push: {types: [core_release]}}", "on: {repository_dispatch: {types: [other]}}"],
)
def test_what_listens_to_something_else_does_not_hear(on: str) -> None:
    assert not workflow(on).listens_to("core_release")
    assert workflow(on).faults == ()


def test_no_types_means_every_type_and_listed_ones_have_their_lines() -> None:
    assert workflow("on: repository_dispatch").types is None
    listed = workflow("on:\n  push:\n  repository_dispatch:\n    types:\n      - a\n      - b")
    assert [(heard.name, heard.line) for heard in listed.types or ()] == [("a", 5), ("b", 6)]
    assert (listed.line, listed.events) == (3, ("push", "repository_dispatch"))


def test_the_typo_type_hears_every_type_and_is_named_with_its_line_and_cure() -> None:
    found = workflow("on:\n  repository_dispatch:\n    type: [core_release]")
    assert found.listens_to("anything")
    (warning,) = found.warnings
    assert str(warning) == (
        f"{PATH}:3: `repository_dispatch` has `type:`, GitHub reads only `types:`, and so it hears every type"
    )
    assert warning.hint == "write types:"


def test_a_strange_key_beside_types_is_a_warning() -> None:
    found = workflow("on: {repository_dispatch: {types: [a], branches: [main]}}")
    assert not found.listens_to("b")
    (warning,) = found.warnings
    assert warning.hint == "remove branches:"
    assert "every type" not in warning.message


def test_types_without_a_name_hear_every_type_with_a_warning() -> None:
    for types in ("[]", "", "~"):
        found = workflow(f"on: {{repository_dispatch: {{types: {types}}}}}")
        assert found.listens_to("anything")
        assert "every type" in found.warnings[0].message


def test_an_event_that_is_nearly_ours_is_a_warning_and_others_are_not() -> None:
    assert 'did you mean "repository_dispatch"?' in str(workflow("on: repository-dispatch").warnings[0].hint)
    others = "workflow_dispatch, workflow_run, registry_package, deployment, repository_import"
    assert warnings(f"on: [{others}]") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true: [repository_dispatch]" + JOBS, f"{PATH}:1: the key `true` is not `on`: no event starts it"),
        ("\nOn: push" + JOBS, f"{PATH}:2: the key `On` is not `on`: no event starts it"),
        ("name: x" + JOBS, f"{PATH}:1: it has no `on`: no event starts it"),
        ("on:" + JOBS, f"{PATH}:1: `on` names no event here"),
        ("on: [push, [x]]" + JOBS, f"{PATH}:1: `on` names no event here"),
        ("on: push\non: push" + JOBS, f"{PATH}:2: `on` is there twice"),
        ("on:\n  push:\n  push:" + JOBS, f"{PATH}:3: `push` is there twice"),
        ("on: push", f"{PATH}:1: it has no `jobs`"),
        ("on: push\njobs: []", f"{PATH}:2: it has no `jobs`"),
        (
            "on:\n  repository_dispatch: [a]" + JOBS,
            f"{PATH}:2: the settings of `repository_dispatch` are not a mapping",
        ),
        (
            "on:\n  repository_dispatch:\n    types: {a: b}" + JOBS,
            f"{PATH}:3: `types` is no list of names",
        ),
        ("on:\n  repository_dispatch:\n    types: [[a]]" + JOBS, f"{PATH}:3: `types` is no list of names"),
        ("on: {\n  push\n" + "]", f"{PATH}:3: it is not YAML: expected ',' or '}}', but got ']'"),
        ("on: push\n\x07", f"{PATH}:2: it is not YAML: special characters are not allowed"),
        ("on: a\n---\non: b", f"{PATH}:2: it is not YAML: but found another document"),
        ("on: *nothing", f"{PATH}:1: it is not YAML: found undefined alias 'nothing'"),
        ("- on", f"{PATH}:1: it is not a mapping"),
        ("# nothing", f"{PATH}:1: it is empty"),
        ("[" * 5000, f"{PATH}:1: it is nested too deeply"),
    ],
)
def test_a_file_that_github_refuses_hears_nothing_and_says_where_it_is_wrong(text: str, expected: str) -> None:
    found = read(PATH, text.encode())
    assert expected in [str(fault) for fault in found.faults]
    assert not found.dispatched


def test_a_file_that_is_no_text_or_too_large_is_named() -> None:
    assert str(read(PATH, b"on: push\n\xff").faults[0]) == f"{PATH}:2: it is not UTF-8 text"
    assert "512 KiB" in str(read(PATH, b"#" * (LARGEST + 1)).faults[0])
    assert "empty" in str(read(PATH, b"#" * LARGEST).faults[0])


def test_aliases_that_multiply_are_read_once_each() -> None:
    lines = ["a0: &a0 {run: '${{ github.event.client_payload.x }}'}"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60)]
    found = read(PATH, "\n".join([*lines, "on: push", "jobs: {b: *a59}"]).encode())
    assert [warning.line for warning in found.warnings] == [1]


def test_an_alias_to_itself_ends() -> None:
    assert read(PATH, b"on: push\njobs: &j {a: *j}\n").faults == ()


@given(st.text(max_size=200))
def test_nothing_that_a_file_holds_is_an_error_of_ours(text: str) -> None:
    assert read(PATH, text.encode("utf-8", "surrogatepass")).path == PATH
    read(PATH, f"on:\n {text}\njobs: {{a: {{}}}}".encode("utf-8", "surrogatepass"))


NAMES = st.from_regex(r"\A[a-z][a-z_.-]{0,20}\Z").filter(lambda name: name not in {"null", "y", "n"})


@given(st.lists(NAMES, min_size=1, max_size=4), NAMES)
def test_who_lists_types_hears_exactly_these(types: list[str], event: str) -> None:
    for written in (types, types[0]):
        on = yaml.safe_dump({"on": {"repository_dispatch": {"types": written}}}).replace("'on':", "on:")
        assert workflow(on).listens_to(event) == (event in types if written is types else event == types[0])


@pytest.mark.parametrize(
    ("run_name", "exact"),
    [
        ("${{ github.event.client_payload.dispatch_id }}", True),
        ("\"core ${{github.event['client_payload'].dispatch_id || 1}}\"", True),
        ("${{ GitHub.Event.Client_Payload.Dispatch_Id }}", True),
        ("${{ toJSON(github.event.client_payload) }}", True),
        ("${{ github.event.client_payload.dispatch_id_of_another }}", False),
        ("${{ github.event.client_payload.version }}", False),
        ("github.event.client_payload.dispatch_id", False),
        ("${{ github.event.client_payload.dispatch_id", False),
    ],
)
def test_a_receipt_is_exact_when_the_title_carries_the_id(run_name: str, exact: bool) -> None:
    found = workflow(f"run-name: {run_name}\non: repository_dispatch")
    assert found.exact is exact
    assert workflow("on: repository_dispatch").exact is False


def test_all_listeners_must_be_exact_for_the_hearing_to_be() -> None:
    exact = ("run-name: ${{ github.event.client_payload.dispatch_id }}\non: repository_dispatch" + JOBS).encode()
    vague = ("on: {repository_dispatch: {types: [e]}}" + JOBS).encode()
    assert listens({"a.yml": exact}, "e").exact
    both = listens({"b.yml": vague, "a.yml": exact}, "e")
    assert [(found.path, found.exact, found.every) for found in both.listeners] == [
        ("a.yml", True, True),
        ("b.yml", False, False),
    ]
    assert not both.exact
    assert not listens({}, "e").exact


def test_only_files_right_in_the_folder_are_workflows() -> None:
    content = ("on: repository_dispatch" + JOBS).encode()
    paths = [".github/workflows/a.yml", ".github/workflows/b/c.yml", "README.md", "d.yaml", ".github/workflows/e.json"]
    heard = listens(dict.fromkeys(paths, content), "e").listeners
    assert [found.path for found in heard] == [".github/workflows/a.yml", "d.yaml"]


def test_a_near_miss_is_named_when_nobody_hears() -> None:
    near = ("on:\n  repository_dispatch:\n    types: [x, core-release]" + JOBS).encode()
    found = listens({"a.yml": near}, "core_release")
    assert not found.heard
    assert [(str(miss), miss.hint) for miss in found.near] == [
        ('a.yml:3: it listens to "core-release", not to "core_release"', 'did you mean "core_release"?')
    ]
    assert listens({"a.yml": near, "b.yml": ("on: repository_dispatch" + JOBS).encode()}, "core_release").near == ()
    assert listens({"a.yml": near}, "something_else").near == ()


def test_faults_and_warnings_of_all_files_are_gathered() -> None:
    files = {"a.yml": b"on: [", "b.yml": b"on: repository-dispatch\njobs: {a: {}}"}
    found = listens(files, "e")
    assert [fault.path for fault in found.faults] == ["a.yml"]
    assert [warning.path for warning in found.warnings] == ["b.yml"]


@pytest.mark.parametrize(
    "run",
    [
        "pip install core==${{ github.event.client_payload.version }}",
        "|\n          true\n          pip install ${{ github.event.client_payload.version }}",
        ">-\n          true\n          pip install ${{ github.event['client_payload']['version'] }}",
        '"echo ${{ toJSON(github.event) }}"',
        "echo ${{ GITHUB.EVENT.CLIENT_PAYLOAD.version }}",
    ],
)
def test_a_payload_in_a_script_is_named_with_its_line(run: str) -> None:
    (warning,) = script(run).warnings
    assert "is run as a script: ${{ " in warning.message
    assert warning.line == 5 + run.count("\n")


@pytest.mark.parametrize(
    "run",
    [
        "echo ${{ github.event.action }}",
        "echo github.event.client_payload.version",
        "echo ${{ github.event.client_payloads }}",
        "echo ${{ env.VERSION }}",
        "echo ${{ github.event.client_payload.version",
    ],
)
def test_a_script_without_the_payload_is_safe(run: str) -> None:
    assert script(run).warnings == ()


def test_a_payload_by_way_of_env_is_safe_as_a_variable_and_unsafe_as_an_expression() -> None:
    text = """
on: repository_dispatch
env:
  VERSION: ${{ github.event.client_payload.version }}
  OTHER: ${{ github.sha }}
jobs:
  go:
    steps:
      - run: echo "$VERSION" ${{ env.OTHER }}
      - uses: actions/github-script@v8
        with:
          script: print(${{ env.version }})
"""
    assert [warning.line for warning in read(PATH, text.encode()).warnings] == [12]


def test_a_script_that_a_tool_wrote_with_escapes_is_still_seen() -> None:
    (warning,) = script(r'"echo \x24{{ github.event.client_payload.version }}"').warnings
    assert warning.line == 5


def test_a_flood_of_unsafe_places_is_cut_and_read_in_linear_time() -> None:
    assert len(script("'" + "${{ github.event.client_payload.x }}" * 10_000 + "'").warnings) == 20
    assert script("'" + "${{" * 100_000 + "'").warnings == ()


@pytest.mark.parametrize("events", [["core_release"], ["downstream_release", "core_release"], ["contract_run", "x.y"]])
def test_the_listener_is_heard_exact_and_safe_by_our_own_reading(events: list[str]) -> None:
    text = listener(events, payload=("version", "origin", "git-sha"))
    found = read(PATH, text.encode())
    assert (found.faults, found.warnings, found.exact) == ((), (), True)
    assert [heard.name for heard in found.types or ()] == events
    assert not found.listens_to("other")


def test_one_event_may_be_given_as_it_is() -> None:
    assert listener("core_release") == listener(["core_release", "core_release"])


def test_the_listener_has_little_rights_and_every_field_is_checked_before_it_is_used() -> None:
    said = yaml.safe_load(listener("core_release", payload=("version", "dispatch_id", "git-sha")))
    job = said["jobs"]["react"]
    assert said["permissions"] == {"contents": "read"}
    assert said["concurrency"]["cancel-in-progress"] is False
    assert set(job["env"]) == {"VERSION", "DISPATCH_ID", "PAYLOAD_GIT_SHA"}
    check, _checkout, react = job["steps"]
    assert re.findall(r'"\$(\w+)" =~', check["run"]) == list(job["env"])
    assert react["run"] == "make on-release\n"


def test_contract_runs_have_a_step_of_their_own_unless_a_command_is_given() -> None:
    def steps(*events: str, command: str | None = None) -> list[tuple[str | None, str]]:
        said = yaml.safe_load(listener(events, command=command))
        return [(step.get("if"), step["run"].strip()) for step in said["jobs"]["react"]["steps"][2:]]

    condition = "contains(fromJSON('[\"{}\"]'), github.event.action)"
    assert steps("contract_run") == [(None, "make contracts")]
    assert steps("core_release", "contract_run") == [
        (condition.format("core_release"), "make on-release"),
        (condition.format("contract_run"), "make contracts"),
    ]
    assert steps("contract_run", command="tox") == [(None, "tox")]
    assert steps("a", "contract_run", command="tox: all # 1") == [(None, "tox: all # 1")]


@pytest.mark.parametrize("event", ["", "null", "a b", "a\nb", "${{ x }}", "1", '"', "x" * 101])
def test_a_name_that_cannot_stand_in_the_file_is_refused(event: str) -> None:
    with pytest.raises(UsageError):
        listener(event)
    with pytest.raises(UsageError):
        listener("core_release", payload=("a.b" if event == "null" else event,))
    with pytest.raises(UsageError, match="needs an event"):
        listener([])


PATTERN_CASES = [
    (VERSION, ["1", "1.2.3", "v1.2", "2!1.0rc1.post2.dev3+a.b"], ["", "1.2;x", "$(x)", "1.2\nx", "1 2", "`x`", "a"]),
    (NAME, ["market-data-core", "owner/name", "a"], ["", "-x", "a b", "a;b", "$x", "a\nb"]),
    (ANYTHING_PLAIN, ["", "a==1:b"], ["$x", "a b", "a\nb", "`x`", '"', "'"]),
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub's runners have bash")
@pytest.mark.parametrize(("pattern", "good", "bad"), PATTERN_CASES)
def test_bash_takes_the_patterns_as_they_are_meant(pattern: str, good: list[str], bad: list[str]) -> None:
    code = f'for word in "$@"; do [[ "$word" =~ {pattern} ]] && echo yes || echo no; done'
    done = subprocess.run(["bash", "-ec", code, "-", *good, *bad], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["yes"] * len(good) + ["no"] * len(bad)


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub's runners have bash")
@pytest.mark.parametrize(
    ("version", "code"), [("1.2.3", 0), ("1.2.3; touch hacked", 1), ("$(touch hacked)", 1), ("", 1)]
)
def test_the_check_of_the_listener_refuses_what_is_no_version(version: str, code: int) -> None:
    said = yaml.safe_load(listener("core_release"))
    check = said["jobs"]["react"]["steps"][0]["run"]
    environ = {"VERSION": version, "ORIGIN": "core", "DISPATCH_ID": "core==1.2.3:core_release"}
    done = subprocess.run(["bash", "-e", "-c", check], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("::error::client_payload.version" in done.stdout) is bool(code)
