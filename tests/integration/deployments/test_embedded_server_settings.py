"""Which Prefect API a command uses, and what it must be told before it imports Prefect."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deployments import embedded_server
from deployments.cli.run_flow import check_answers
from deployments.embedded_server import Record, ServerDirectory, State
from deployments.embedded_server.password import keep_password
from deployments.embedded_server.processes import Identity
from deployments.embedded_server.settings import server_environment
from interlock.errors import ServerError, UsageError


@pytest.fixture
def _nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "INTERLOCK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


PROFILES = """
active = "{active}"
[profiles.here]
PREFECT_LOGGING_LEVEL = "DEBUG"
[profiles.there]
PREFECT_API_URL = "http://profile/api"
"""


@pytest.mark.usefixtures("_nothing_configured")
@pytest.mark.parametrize(
    ("files", "environ", "api"),
    [
        ({}, {}, None),
        ({}, {"PREFECT_API_URL": "http://env/api"}, "http://env/api"),
        ({".prefect/profiles.toml": PROFILES.format(active="here")}, {}, None),
        ({".prefect/profiles.toml": PROFILES.format(active="there")}, {}, "http://profile/api"),
        ({".prefect/profiles.toml": PROFILES.format(active="gone")}, {}, None),
        ({".prefect/profiles.toml": PROFILES.format(active="there")}, {"PREFECT_PROFILE": "here"}, None),
        ({"mine/profiles.toml": PROFILES.format(active="there")}, {"PREFECT_HOME": "mine"}, "http://profile/api"),
        ({"p.toml": PROFILES.format(active="there")}, {"PREFECT_PROFILES_PATH": "p.toml"}, "http://profile/api"),
        ({"prefect.toml": '[api]\nurl = "http://project/api"'}, {}, "http://project/api"),
        ({"pyproject.toml": '[tool.prefect.api]\nurl = "http://project/api"'}, {}, "http://project/api"),
        ({"pyproject.toml": "tool = 3"}, {}, None),
    ],
)
def test_an_api_that_is_configured_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], environ: dict[str, str], api: str | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert embedded_server.configured_api() == api


@pytest.mark.usefixtures("_nothing_configured")
def test_a_profile_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "profiles.toml").write_text("active = ")
    with pytest.raises(ServerError, match=r"profiles\.toml"):
        embedded_server.configured_api()


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan"])
def test_an_idle_limit_that_is_no_number_of_minutes_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("INTERLOCK_SERVER_IDLE_MINUTES", text)
    with pytest.raises(UsageError, match="no number of minutes"):
        embedded_server.start()


@pytest.fixture
def record(tmp_path: Path) -> Record:
    me = Identity.of(os.getpid())
    return Record(
        state=State.RUNNING,
        supervisor=me,
        server=me,
        port=1,
        home=tmp_path,
        prefect="1",
        since=0,
        idle_seconds=0,
        has_password=True,
    )


def test_a_password_is_made_once_and_is_nobody_elses(tmp_path: Path, record: Record) -> None:
    place = ServerDirectory(tmp_path)
    before = os.umask(0)
    try:
        keep_password(place)
    finally:
        os.umask(before)
    made = place.password.read_text()
    assert stat.S_IMODE(place.password.stat().st_mode) == 0o600
    keep_password(place)
    assert place.password.read_text() == made
    assert embedded_server.environment(record)["PREFECT_API_AUTH_STRING"] == made
    assert server_environment(place, 1)["PREFECT_SERVER_API_AUTH_STRING"] == made
    other = ServerDirectory(tmp_path / "other")
    other.prepare()
    keep_password(other)
    assert other.password.read_text() != made


def test_a_password_that_the_user_has_chosen_is_kept(
    tmp_path: Path, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ServerDirectory(tmp_path)
    keep_password(place)
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "me:hush")
    keep_password(place)
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING")
    keep_password(place)
    # Whatever else a shell has for another server does not count for this one.
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "of:another")
    assert embedded_server.environment(record)["PREFECT_API_AUTH_STRING"] == "me:hush"


@pytest.mark.parametrize("left", [None, "", "\n"])
def test_a_password_that_is_gone_is_named_with_its_hint(tmp_path: Path, record: Record, left: str | None) -> None:
    if left is not None:
        (tmp_path / "api-password").write_text(left)
    with pytest.raises(ServerError, match="api-password, is gone") as caught:
        embedded_server.environment(record)
    assert "interlock server stop" in (caught.value.hint or "")
    keep_password(ServerDirectory(tmp_path))
    assert embedded_server.environment(record)["PREFECT_API_AUTH_STRING"].startswith("interlock:")


def test_a_server_that_an_earlier_interlock_started_is_not_used(tmp_path: Path, record: Record) -> None:
    keep_password(ServerDirectory(tmp_path))
    old = Record.model_validate_json(record.model_dump_json(exclude={"has_password"}))
    with pytest.raises(ServerError, match="has no password: an earlier Interlock started it") as caught:
        embedded_server.environment(old)
    assert "interlock server stop" in (caught.value.hint or "")


def test_no_proxy_stands_between_a_command_and_its_server(
    tmp_path: Path, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet, 127.0.0.1")
    monkeypatch.delenv("no_proxy", raising=False)
    keep_password(ServerDirectory(tmp_path))
    environment = embedded_server.environment(record)
    assert environment["no_proxy"] == environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert environment["PREFECT_API_URL"] == "http://127.0.0.1:1/api"


def test_the_command_line_does_not_import_prefect_for_it() -> None:
    check = "import sys, deployments.cli.main, deployments.embedded_server; sys.exit('prefect' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_a_configured_api_that_does_not_answer_is_named_with_its_cure() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        api = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
        with pytest.raises(ServerError, match="does not answer") as error:
            asyncio.run(check_answers(api))
    assert api in error.value.message
    assert "PREFECT_API_URL" in (error.value.hint or "")
