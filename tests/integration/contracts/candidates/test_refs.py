"""What a REF may be, whoever wrote it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.git import checked_ref
from interlock.contracts.candidates import Kind, parse_ref
from interlock.errors import UsageError

SHA = "0123456789abcdef0123456789abcdef01234567"
NAME = (Kind.TAG, Kind.BRANCH, Kind.FOLDER)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("main", NAME),
        ("feature/x-1", NAME),
        (" main ", NAME),
        ("1.4.61", (Kind.VERSION, Kind.TAG, Kind.BRANCH, Kind.FOLDER)),
        ("1!2.0rc1", (Kind.VERSION, Kind.TAG, Kind.BRANCH, Kind.FOLDER)),
        ("v1.4.61", (Kind.TAG, Kind.BRANCH, Kind.VERSION, Kind.FOLDER)),
        ("0123456", (Kind.VERSION, Kind.TAG, Kind.BRANCH, Kind.SHA, Kind.FOLDER)),
        ("deadbee", (Kind.TAG, Kind.BRANCH, Kind.SHA, Kind.FOLDER)),
        ("deadbe", NAME),
        (SHA, (Kind.SHA,)),
        (SHA.upper(), (Kind.SHA,)),
        (SHA[:-1], (Kind.TAG, Kind.BRANCH, Kind.SHA, Kind.FOLDER)),
        ("refs/heads/main", (Kind.BRANCH,)),
        ("refs/tags/v1", (Kind.TAG,)),
        ("./core", (Kind.FOLDER,)),
        ("/srv/core", (Kind.FOLDER,)),
        ("~/core", (Kind.FOLDER,)),
        ("..", (Kind.FOLDER,)),
        ("12", (Kind.VERSION, Kind.TAG, Kind.BRANCH, Kind.FOLDER)),
    ],
)
def test_a_text_may_be_several_things_in_an_order(text: str, kinds: tuple[Kind, ...]) -> None:
    assert parse_ref(text).kinds == kinds


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("#12", None),
        ("pull/12", None),
        ("pull/12/head", None),
        ("refs/pull/12/head", None),
        ("https://github.com/acme/trains-core/pull/12", "acme/trains-core"),
        ("https://github.com/acme/trains-core/pull/12/files?w=1", "acme/trains-core"),
    ],
)
def test_a_pull_request_is_written_as_github_writes_it(text: str, repository: str | None) -> None:
    ref = parse_ref(text)
    assert (ref.kinds, ref.number, ref.repository) == ((Kind.PULL,), 12, repository)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "-x",
        "--upload-pack=touch x",
        "a b",
        "a..b",
        "a\nb",
        "a\0b",
        "main~1",
        "HEAD^",
        ":x",
        "refs/heads/-x",
        "refs/heads/",
        "refs/pull/12/merge",
        "refs/notes/x",
        "https://github.com/acme/trains-core",
        "*",
        "@{u}",
    ],
)
def test_what_could_be_an_option_or_is_no_name_is_refused_with_what_could_be_written(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_ref(text)
    assert "#12" in (caught.value.hint or "")


def test_a_folder_is_passed_on_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(parse_ref("./core")) == str(tmp_path / "core")


@given(st.text(max_size=60))
def test_whatever_is_written_is_refused_or_harmless(text: str) -> None:
    try:
        ref = parse_ref(text)
    except UsageError:
        return
    assert not ref.text.startswith("-")
    assert parse_ref(ref.text) == ref
    if ref.name:
        assert checked_ref(ref.name) == ref.name
    elif ref.number is None:
        assert Path(ref.text).is_absolute()
