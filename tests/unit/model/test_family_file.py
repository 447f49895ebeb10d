import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from interlock.errors import FamilyError
from interlock.model import family_file
from interlock.model.family import Contract, Dispatch, FamilySettings, Package, Reaction
from interlock.model.family_file.line_numbers import line_of_keys
from interlock.model.release_on import ReleaseOn
from interlock.model.suites import AllowedFailure, Axis, GitSource, ImportsSource, LeftOut, Suite
from tests.support.paths import ROOT

FAULTY = sorted(path.parent for path in ROOT.glob("tests/unit/model/families/*/expected.txt"))
TINY = '[family]\nname = "tiny"\n\n[packages.core]\n'
MACHINE_WORDS = (
    "Input should",
    "Extra inputs",
    "value_error",
    "type=",
    "validation error",
    "pydantic",
    "Field required",
)


def write(directory: Path, text: str, name: str = "family.toml") -> Path:
    path = directory / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("directory", FAULTY, ids=lambda path: str(path.name))
def test_each_failure_mode_is_answered_where_it_was_made_with_its_cure(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory)
    with pytest.raises(FamilyError) as refused:
        family_file.load(Path("family.toml"))
    assert f"{refused.value}\n" == (directory / "expected.txt").read_text("utf-8")
    assert not [words for words in MACHINE_WORDS if words in str(refused.value)]


def test_there_is_a_family_for_each_failure_mode() -> None:
    assert len(FAULTY) > 50


def test_names_are_taken_as_they_are_written(tmp_path: Path) -> None:
    text = (
        TINY
        + """
        [packages."Ruamel.YAML"]
        upstreams = ["CORE"]
        follows = { Core = "always" }
        dispatches = [{ event = "x", targets = ["zope_interface"] }]
        [[packages."Ruamel.YAML".suites]]
        name = "imports"
        upstreams = ["Core"]
        imports = true
        [packages."zope.interface"]
        """
    )
    family = family_file.load(write(tmp_path, text))
    assert tuple(family.packages) == ("core", "ruamel-yaml", "zope-interface")
    assert [(edge.upstream, edge.downstream) for edge in family.edges()] == [("core", "ruamel-yaml")]
    assert len(family.suites_of(family.edges()[0])) == 1
    assert family.packages["ruamel-yaml"].follows == {"core": "always"}
    assert family.packages["ruamel-yaml"].dispatches[0].targets == ("zope-interface",)
    assert [family.repository(name) for name in family.packages] == ["core", "Ruamel.YAML", "zope.interface"]


def test_the_default_describes_the_market_data_family() -> None:
    family = family_file.load(ROOT / "family.toml")
    assert family.owner == "mjdevaccount"
    assert family.order()[0] == "market-data-core"
    assert family.order()[-1] == "market-data-infra"
    assert family.packages["market-data-pipeline"].branch == "base"
    assert family.packages["market-data-infra"].reaction is Reaction.COMMAND
    assert family.packages["market-data-infra"].command == ("make", "rebuild-all")
    told = {
        (name, dispatch.event, target.removeprefix("market-data-"))
        for name, package in family.packages.items()
        for dispatch in package.dispatches
        for target in dispatch.targets
    }
    assert ("market-data-pipeline", "core_release", "ibkr") in told
    assert {target for name, _, target in told if name == "market-data-core"} == {
        "pipeline",
        "store",
        "orchestrator",
        "ibkr",
    }


def test_every_edge_between_distributions_of_the_default_has_a_suite() -> None:
    family = family_file.load(ROOT / "family.toml")
    edges = [edge for edge in family.edges() if family.packages[edge.downstream].publishes]
    assert edges
    assert all(family.suites_of(edge) for edge in edges)


def test_the_path_given_goes_before_the_variable_and_that_before_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_, named, here = (write(tmp_path, TINY.replace("tiny", name), f"{name}.toml") for name in ("a", "b", "c"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INTERLOCK_FAMILY", raising=False)
    assert family_file.find() == family_file.DEFAULT == ROOT / "family.toml"
    here.rename(tmp_path / "family.toml")
    assert family_file.load().name == "c"
    monkeypatch.setenv("INTERLOCK_FAMILY", str(named))
    assert family_file.load().name == "b"
    assert family_file.load(given_).name == "a"


def test_a_missing_file_says_who_named_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FamilyError, match=r"gone\.toml: there is no such file") as refused:
        family_file.load(tmp_path / "gone.toml")
    assert refused.value.hint == "the option --family names it"
    monkeypatch.setenv("INTERLOCK_FAMILY", str(tmp_path / "lost.toml"))
    with pytest.raises(FamilyError, match=r"lost\.toml: there is no such file") as refused:
        family_file.load()
    assert refused.value.hint == "the variable INTERLOCK_FAMILY names it"


def test_a_directory_is_answered_with_the_file_in_it(tmp_path: Path) -> None:
    path = write(tmp_path, TINY)
    with pytest.raises(FamilyError, match="is a directory") as refused:
        family_file.find(tmp_path)
    assert refused.value.hint == f"did you mean {path}?"


def test_a_file_that_may_not_be_read_is_a_family_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, TINY)

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FamilyError, match="cannot be read: Permission denied"):
        family_file.load(path)


@pytest.mark.parametrize("content", ["", "\n", "# nothing\n"])
def test_a_file_that_says_nothing_lacks_both_tables(tmp_path: Path, content: str) -> None:
    with pytest.raises(FamilyError) as refused:
        family_file.load(write(tmp_path, content))
    assert "the table [family] is missing" in str(refused.value)
    assert "the table [packages] is missing" in str(refused.value)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_byte_order_mark_and_windows_lines_change_nothing(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "family.toml"
    path.write_bytes(b"\xef\xbb\xbf" + f"{TINY}brunch = 1\n".replace("\n", newline).encode())
    with pytest.raises(FamilyError, match=r'family\.toml:5: unknown key "brunch"'):
        family_file.load(path)


def test_a_suites_directory_starts_at_the_family_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TINY + '[packages.store]\nupstreams = ["core"]\nsuites = [{ name = "x", path = "tests" }]\n'
    write(tmp_path, text)
    monkeypatch.chdir(tmp_path.parent)
    path = Path(tmp_path.name) / "family.toml"
    assert family_file.load(path).packages["store"].suites[0].path == str(tmp_path.resolve() / "tests")
    with pytest.raises(FamilyError, match=r"family\.toml:7: there is no directory"):
        family_file.check(path)
    (tmp_path / "tests").mkdir()
    assert family_file.check(path).name == "tiny"


def test_a_secret_in_the_file_is_not_repeated(tmp_path: Path) -> None:
    text = '[family]\nname = 3\nindex = "https://me:hunter2@example.org/simple"\n\n[packages.core]\nx = 1\n'
    with pytest.raises(FamilyError) as refused:
        family_file.load(write(tmp_path, text))
    assert str(refused.value).count("family.toml:") == 3
    assert "hunter2" not in str(refused.value)


def test_faults_that_only_follow_from_others_are_not_told(tmp_path: Path) -> None:
    text = TINY + 'publishes = "no"\n[packages.store]\nupstreams = ["core"]\nreaction = "command"\ncommand = "make"\n'
    with pytest.raises(FamilyError) as refused:
        family_file.load(write(tmp_path, text))
    assert [line.split(":")[1] for line in str(refused.value).splitlines() if "family.toml:" in line] == ["5", "9"]


def test_a_key_is_on_the_line_where_it_begins_however_it_is_written() -> None:
    text = (
        "# a comment\n"
        "[a]\n"
        "b.c = 1\n"
        'd = [\n  "x", # [\n\n  "y",\n]\n'
        'e = """\nlong\n"""\n'
        "[[a.f]]\n"
        "g = 1\n"
        "[[a.f]]\n"
        "h = [ {i = 1},\n {i = 2} ]\n"
    )
    lines = {
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "b", "c"): 3,
        ("a", "d"): 4,
        ("a", "d", 0): 5,
        ("a", "d", 1): 7,
        ("a", "e"): 9,
        ("a", "f", 0): 12,
        ("a", "f", 0, "g"): 13,
        ("a", "f", 1): 14,
        ("a", "f", 1, "h", 1, "i"): 16,
        ("a", "f", 1, "unknown"): 14,
        ("a", "f", 2): 12,
        ("unknown",): 1,
        (): 1,
    }
    assert {path: line_of_keys(text, path) for path in lines} == lines


ODD_VALUES = [
    1,
    1.5,
    True,
    False,
    "",
    "x",
    "Ä\n",
    [],
    [1],
    ["x", "x"],
    [[]],
    {},
    {"x": 1},
    {"x": "y"},
    [{}],
    [{"x": {}}],
]


def places_in(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path of keys in a parsed file."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, below in inner for place in places_in(below, (*path, step)))]


FULL = """
[family]
name = "tiny"
python = ["3.11"]
[packages.core]
dispatches = [{ event = "out", targets = ["store"], payload = ["version"] }]
[packages.store]
repository = "me/store"
upstreams = ["core"]
reaction = "command"
command = ["make"]
[[packages.store.suites]]
name = "contracts"
git = { path = "tests", ref = "main", url = "/srv/store.git" }
include = ["tests/helpers"]
env = { TZ = "UTC" }
leave_out = [{ test = "tests/test_x.py", reason = "why" }]
axes = { bus = ["redis"], track = { values = { v1 = { TRACK = "1" } } } }
allowed_to_fail = [{ point = { bus = "redis" }, reason = "why" }]
[[packages.store.suites]]
name = "imports"
imports = ["store"]
"""


def told(file: Path) -> str:
    """What is said against the file; nothing when it can be used."""
    try:
        family_file.load(file)
    except FamilyError as error:
        return str(error)
    return ""


@given(data=st.data())
def test_whatever_is_odd_about_a_file_is_told_in_plain_words_with_a_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = tomllib.loads(FULL)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from([place for place in places_in(raw) if place]))
        within: Any = raw
        for step in path:
            within = within[step]
        within[last] = copy.deepcopy(data.draw(st.sampled_from(ODD_VALUES)))
    said = told(write(tmp_path_factory.getbasetemp(), tomlkit.dumps(raw), "odd.toml"))
    assert all(re.match(r"  \S|.*odd\.toml:[1-9]\d*: \S", line) for line in said.splitlines())
    assert not [words for words in MACHINE_WORDS if words in said]


def test_a_name_neither_ends_the_line_nor_steers_the_terminal(tmp_path: Path) -> None:
    said = told(write(tmp_path, TINY + 'upstreams = ["a\\nb"]\n"\\u001B[2J" = 1\n'))
    assert all(line.isprintable() for line in said.split("\n"))
    assert said.count("family.toml:") == 2
    assert "\\x1b[2J" in said


STATEMENTS = [
    "{} = 1",
    "{} = [\n  1, # ]\n\n]",
    "{} = '''\n]\n'''",
    "# [\n{} = {{ a = 1 }}",
    "\n{}.a = 1",
    "[{}]",
    "[[{}]]",
]


@given(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=8))
def test_every_key_is_found_on_the_line_where_its_name_is_written(statements: list[str]) -> None:
    text = "".join(f"{statement.format(f'key{number}')}\n" for number, statement in enumerate(statements))
    whole = tomllib.loads(text)
    for path in [(key,) for key in whole] + [(key, inner) for key in whole for inner in _keys(whole[key])]:
        line = text.splitlines()[line_of_keys(text, path) - 1]
        assert str(path[-1]) in line


def _keys(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def written_schema() -> dict[str, object]:
    found: dict[str, object] = json.loads((ROOT / "docs/family.schema.json").read_text("utf-8"))
    return found


def test_the_schema_in_the_docs_is_current() -> None:
    assert written_schema() == json.loads(json.dumps(family_file.schema())), "run: make schema"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(written_schema())


def test_the_default_family_satisfies_the_schema() -> None:
    jsonschema.validate(tomllib.loads((ROOT / "family.toml").read_text("utf-8")), written_schema())


# The tables that the reference explains, each under its heading; inside of a suite's keys, under these.
TABLES: dict[str, dict[str, type[BaseModel]]] = {
    "[family]": {"": FamilySettings},
    "[packages.NAME]": {"": Package},
    "[[packages.NAME.dispatches]]": {"": Dispatch},
    "[packages.NAME.release_on]": {"": ReleaseOn},
    "[packages.NAME.contract]": {"": Contract},
    "[[packages.NAME.suites]]": {
        "": Suite,
        "git.": GitSource,
        "imports.": ImportsSource,
        "leave_out.": LeftOut,
        "axes.NAME.": Axis,
        "allowed_to_fail.": AllowedFailure,
    },
}


@pytest.mark.parametrize("heading", TABLES)
def test_the_reference_explains_every_key_with_the_default_that_the_model_has(heading: str) -> None:
    reference = (ROOT / "docs/family-file.md").read_text("utf-8")
    section = reference.partition(f"## `{heading}`\n")[2].partition("\n## ")[0]
    explained = dict(re.findall(r"^\| `([\w.]+)(?: = .*?)?` \| (?:.* \| )?(.*) \|$", section, re.MULTILINE))
    fields = {
        f"{under}{key}": field for under, model in TABLES[heading].items() for key, field in model.model_fields.items()
    }
    assert explained.keys() == fields.keys()
    for key, field in fields.items():
        assert (explained[key] == "required") is field.is_required(), key
        if explained[key].startswith("`") and isinstance(field.default, str | bool | int | tuple):
            assert explained[key] == f"`{json.dumps(field.default)}`", key


SHORT_FORMS = [
    "imports = true",
    'imports = ["store.sinks"]',
    'imports = { modules = ["store.sinks"] }',
    'sdist = "tests"\naxes = { bus = ["redis", "memory"] }',
    'sdist = "tests"\naxes.bus.values = { redis = { BUS = "redis" }, memory = {} }',
    'git = { path = "tests", ref = "v{version}" }',
    'path = "tests"\nenv = { TZ = "UTC" }',
    'sdist = "tests"\naxes.bus = ["redis"]\nallowed_to_fail = [{ point = { bus = "redis" }, reason = "why" }]',
    'sdist = "tests"\nleave_out = [{ test = "tests/test_x.py::test_y", reason = "why" }]\ntimeout = 5',
]
WRONG_FORMS = [
    "timeout = 5",
    "imports = false",
    'imports = true\nsdist = "tests"',
    'sdist = "tests"\naxes.bus = []',
    'sdist = "tests"\naxes."a=b" = ["x"]',
    'sdist = "tests"\nenv = { "1X" = "a" }',
    'sdist = "tests"\ntimeout = "5"',
    'sdist = "tests"\nsdits = "tests"',
]


def with_suite(body: str) -> str:
    return f'{TINY}[packages.store]\nupstreams = ["core"]\n[[packages.store.suites]]\nname = "contracts"\n{body}\n'


@pytest.mark.parametrize("body", SHORT_FORMS)
def test_every_form_that_loads_satisfies_the_schema(tmp_path: Path, body: str) -> None:
    family_file.load(write(tmp_path, with_suite(body)))
    jsonschema.validate(tomllib.loads(with_suite(body)), written_schema())


@pytest.mark.parametrize("body", WRONG_FORMS)
def test_a_form_that_does_not_load_does_not_satisfy_the_schema(tmp_path: Path, body: str) -> None:
    with pytest.raises(FamilyError):
        family_file.load(write(tmp_path, with_suite(body)))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(with_suite(body)), written_schema())
