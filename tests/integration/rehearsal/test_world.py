"""A world: complete, kept, used by one at a time, and the only one that is reached from inside of it."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from interlock.adapters.connections import access_from, open_connections
from interlock.adapters.git import Checkout
from interlock.adapters.index.settings import find_index
from interlock.adapters.ledger.location import location_of
from interlock.errors import RehearsalError
from interlock.model import family_file
from rehearsal import process
from rehearsal.control import ControlClient
from rehearsal.directory import RehearsalDirectory, Server
from rehearsal.environment import Environment, shell
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github.records import TokenKind
from rehearsal.github.state import hash_of
from rehearsal.index import IndexStore
from rehearsal.process import stop_server
from rehearsal.seeding import match
from rehearsal.template import SMALL_FAMILY, Template
from rehearsal.world import Apart, World, running
from tests.support.paths import ROOT

UV = uv.find_uv_bin()


def create(directory: Path, **how: object) -> World:
    return asyncio.run(World.create_or_open(directory, **how))  # type: ignore[arg-type]  # as they are named


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world that was never served, to be copied: nothing in one says where it is."""
    directory = tmp_path_factory.mktemp("made") / "world"
    create(directory).close()
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "world"
    shutil.copytree(made, copied)
    return copied


@pytest.fixture
def world(directory: Path) -> Iterator[World]:
    with create(directory) as opened:
        yield opened


def environ_of(world: World) -> dict[str, str]:
    environ = dict(os.environ)
    world.environment(environ).apply(environ)
    return environ


def run(world: World, *command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, env=environ_of(world), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(port: int) -> bool:
    with socket.socket() as visitor:
        return visitor.connect_ex(("127.0.0.1", port)) == 0


def ask(world: World, path: str, token: str | None = None) -> int:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{world.addresses()['api']}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


# --- what is in it -------------------------------------------------------------------------------------------------


def test_a_new_world_has_repositories_releases_and_a_github_that_knows_them(world: World) -> None:
    family = family_file.load(SMALL_FAMILY / "family.toml")
    with world.serve() as serving:
        github, index = serving.apps.github, serving.apps.index
        repositories = [github.repository(family.repository(name)) for name in family.packages]
        assert {made.name: made.default_branch for made in repositories}["market_data_pipeline"] == "base"
        assert all(set(made.secrets) <= {"REPO_DISPATCH_TOKEN", "PYPI_API_TOKEN"} for made in repositories)
        assert [record.version for record in index.files("market-data-core") or ()] == [
            "1.2.10",
            "1.2.10",
            "1.2.9",
            "1.2.9",
        ]
        assert index.files("market-data-infra") is None
        assert {"hatchling", "pydantic", "pytest", "pytest-asyncio"} <= set(index.projects())
        assert index.owners("market-data-pipeline") == ("mjdevaccount",)


def test_the_maintainers_token_may_do_what_releases_and_the_sweeper_need_and_no_more(world: World) -> None:
    with world.serve() as serving:
        token = serving.apps.github.tokens[hash_of(world.directory.tokens().github.get_secret_value())]
    assert token.kind is TokenKind.FINE_GRAINED
    assert token.permissions == {
        "contents": "write",
        "metadata": "read",
        "actions": "read",
        "pull_requests": "write",
        "repository_hooks": "write",
        "statuses": "write",
        "workflows": "write",
        "secrets": "read",
    }


def test_a_maintainer_whose_token_expired_has_a_new_one_in_the_next_run(world: World) -> None:
    with world.serve() as serving:
        text = world.directory.tokens().github.get_secret_value()
        with serving.apps.github.changing():
            serving.apps.github.tokens[hash_of(text)].expires_at = serving.apps.github.now()
        assert ask(world, "/user", text) == 401
    with world.serve():
        assert ask(world, "/user", text) == 200


def test_every_world_has_secrets_of_its_own_which_nobody_else_can_read(tmp_path: Path) -> None:
    first, second = RehearsalDirectory(tmp_path / "first"), RehearsalDirectory(tmp_path / "second")
    assert first.tokens() == first.tokens() != second.tokens()
    assert stat.S_IMODE((tmp_path / "first/tokens.json").stat().st_mode) == 0o600
    assert first.tokens().github.get_secret_value() not in repr(first.tokens())


# --- who reaches what ----------------------------------------------------------------------------------------------


def test_git_clones_and_pushes_and_no_way_leads_to_the_real_github(world: World, tmp_path: Path) -> None:
    with world.serve() as serving:
        run(world, "git", "clone", "--quiet", "https://github.com/mjdevaccount/market-data-core.git", tmp_path / "core")
        run(world, "git", "commit", "--quiet", "--allow-empty", "--message=x", cwd=tmp_path / "core")
        said = run(world, "git", "log", "-1", "--format=%an <%ae>", cwd=tmp_path / "core")
        assert said == "Rehearsal <rehearsal@localhost>\n"
        assert {seen.origin for seen in serving.apps.log.all()} == {"git"}


def test_interlock_itself_asks_for_the_worlds_own_addresses(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing rewrites an address for it, and each repository is opened by the world's token alone."""
    (tmp_path / "gitconfig").write_text('[url "file:///nowhere/"]\ninsteadOf = https://github.com/\n')

    async def clone_all() -> None:
        family = family_file.load(world.directory.family_file)
        async with open_connections(family, access_from(family)) as connections:
            for name in family.packages:
                await Checkout.clone(await connections.remote(name), None, tmp_path / name)

    with world.serve() as serving:
        variables = {**world.environment().variables, "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with serving.apps.github.changing():
            for repository in serving.apps.github.repositories.values():
                repository.private = True
        asyncio.run(clone_all())


def test_uv_and_pip_install_from_the_index_and_from_nowhere_else(world: World, tmp_path: Path) -> None:
    with world.serve() as serving:
        target = tmp_path / "site"
        run(
            world,
            UV,
            "pip",
            "install",
            "--quiet",
            "--no-cache",
            f"--target={target}",
            "market-data-orchestrator",
        )
        pip = [sys.executable, "-m", "pip", "--no-cache-dir", "--disable-pip-version-check"]
        run(world, *pip, "download", "--quiet", "--no-deps", f"--dest={tmp_path}", "market-data-store")
        assert (target / "market_data_core/telemetry.py").is_file()
        assert (tmp_path / "market_data_store-0.6.3-py3-none-any.whl").is_file()
        assert {seen.origin for seen in serving.apps.log.all()} == {"index"}


def test_twine_uploads_what_uv_can_install_then(world: World, tmp_path: Path) -> None:
    with world.serve() as serving:
        run(
            world,
            "git",
            "clone",
            "--quiet",
            f"{world.addresses()['git']}/mjdevaccount/market-data-ibkr.git",
            tmp_path / "x",
        )
        project = tmp_path / "x/pyproject.toml"
        project.write_text(project.read_text().replace('"1.1.1"', '"1.1.2"'))
        run(world, UV, "build", "--quiet", "--no-cache", tmp_path / "x")  # with hatchling from this very index
        files = sorted((tmp_path / "x/dist").glob("market*"))
        run(world, sys.executable, "-m", "twine", "upload", "--disable-progress-bar", *files)
        run(
            world,
            UV,
            "pip",
            "install",
            "--quiet",
            "--no-cache",
            f"--target={tmp_path / 's'}",
            "market-data-ibkr==1.1.2",
        )
        writes = [seen.note for seen in serving.apps.log.writes("index")]
    assert writes == ["upload market_data_ibkr-1.1.2-py3-none-any.whl", "upload market_data_ibkr-1.1.2.tar.gz"]


def test_interlock_finds_the_worlds_family_ledger_index_and_token(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.serve():
        environ = environ_of(world)
    for name in ("INTERLOCK_FAMILY", "INTERLOCK_LEDGER_URL"):
        monkeypatch.setenv(name, environ[name])
    assert family_file.find() == world.directory.path / "family.toml"
    assert location_of(None).file == world.directory.path / "ledger.db"
    assert find_index("pypi", environ).url.get_secret_value() == f"{world.addresses()['index']}/simple/"
    assert environ["GITHUB_API_URL"] == world.addresses()["api"]


def test_real_tokens_and_other_places_are_out_of_reach(world: World) -> None:
    with world.serve():
        environ = {
            "REPO_TOKEN": "real",
            "GITHUB_TOKEN": "real",
            "TWINE_REPOSITORY": "pypi",
            "UV_PUBLISH_TOKEN": "real",
            "UV_INDEX_PRIVATE_PASSWORD": "real",
            "UV_INDEX": "https://index.invalid/simple/",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_VALUE_0": "real",
            "GIT_AUTHOR_NAME": "me",
            "TWINE_PASSWORD": "real",
            "PATH": "/bin",
            "NO_PROXY": "example.org, 127.0.0.1",
            "HTTPS_PROXY": "http://proxy.invalid",
        }
        world.environment(environ).apply(environ)
    assert "real" not in environ.values()
    assert not environ.keys() & {"UV_INDEX", "GIT_AUTHOR_NAME", "TWINE_REPOSITORY", "GIT_CONFIG_COUNT"}
    assert environ["PATH"] == "/bin"
    assert environ["NO_PROXY"] == environ["no_proxy"] == "example.org,127.0.0.1"


def test_a_shell_gets_the_same_environment() -> None:
    odd = Environment(variables={"A": "it's $HOME"}, removed=frozenset({"C", "B"}))
    script = "\n".join([*shell(odd), 'printf "%s|%s|%s" "$A" "$B" "$C"'])
    done = subprocess.run(["sh", "-c", script], env={"B": "1", "C": "2"}, capture_output=True, text=True, check=True)
    assert done.stdout == "it's $HOME||"
    assert list(shell(Environment(variables={}, removed=frozenset()))) == []


# --- its door ------------------------------------------------------------------------------------------------------


def test_faults_go_in_by_the_door_and_meet_one_script_for_all_servers(world: World) -> None:
    with world.serve():
        control = world.control()
        control.add([InjectedFault(effect=Effect.REFUSE, origin="api", status=503, times=2)])
        assert [ask(world, "/rate_limit") for _ in range(3)] == [503, 503, 200]
        control.add([InjectedFault(effect=Effect.REFUSE, times=9)])
        control.clear()
        assert ask(world, "/rate_limit") == 200
        assert [seen.status for seen in control.log()] == [503, 503, 200, 200]


def test_the_door_opens_to_nobody_else_and_is_not_in_the_log(world: World) -> None:
    with world.serve():
        assert ask(world, "/_rehearsal/log") == 401
        assert ask(world, "/_rehearsal/log", world.directory.tokens().github.get_secret_value()) == 401
        assert ask(world, "/_rehearsal/other", world.directory.tokens().control.get_secret_value()) == 404
        assert world.control().log() == ()


def test_a_door_that_refuses_or_is_gone_is_said(world: World) -> None:
    with world.serve():
        control, wrong = world.control(), ControlClient(world.facts.ports["api"], world.directory.tokens().index)
        with pytest.raises(RehearsalError, match="refused: 401 who are you"):
            wrong.clear()
        with pytest.raises(RehearsalError, match="refused: 422 "):
            control._ask("POST", "faults", b'[{"effect": "no such"}]')
    with pytest.raises(RehearsalError, match="does not answer"):
        control.log()


def test_a_stale_index_and_a_race_are_made_by_the_world(world: World) -> None:
    with world.serve() as serving:
        world.control().add(
            [
                InjectedFault(effect=Effect.STALE, origin="index", path="/simple/", seconds=60),
                InjectedFault(effect=Effect.RACE, origin="api", path="/market-data-core"),
            ]
        )
        git = serving.apps.github.git(serving.apps.github.repository("mjdevaccount/market-data-core"))
        before = git.ref("refs/heads/main")
        ask(world, "/repos/mjdevaccount/market-data-core")
        assert git.ref("refs/heads/main") != before
        urllib.request.urlopen(f"{world.addresses()['index']}/simple/").close()
        serving.apps.index.delete("market-data-store", "0.6.3")
        assert len(serving.apps.index.files("market-data-store") or ()) == 2


def test_a_client_that_takes_the_api_for_a_proxy_is_served(world: World) -> None:
    with world.serve(), socket.create_connection(("127.0.0.1", world.facts.ports["api"])) as visitor:
        visitor.sendall(b"GET http://api.github.localhost/rate_limit HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert visitor.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
        assert world.control().log()[0].path == "/rate_limit"


# --- who uses it ---------------------------------------------------------------------------------------------------


def test_a_world_is_kept_with_its_ports_and_its_log(world: World) -> None:
    with world.serve():
        ask(world, "/rate_limit")
        ports, tokens = world.facts.ports, world.directory.tokens()
    world.close()
    with create(world.directory.path) as again, again.serve() as serving:
        assert again.facts.ports == ports
        assert again.directory.tokens() == tokens
        assert len(serving.apps.log.all()) == 1


def test_a_port_that_is_taken_meanwhile_is_replaced_everywhere(world: World) -> None:
    with world.serve():
        before = world.facts.ports
    with socket.create_server(("127.0.0.1", before["git"])), world.serve():
        assert world.facts.ports["git"] != before["git"]
        assert {**world.facts.ports, "git": 0} == {**before, "git": 0}
        assert f"127.0.0.1:{world.facts.ports['git']}/" in world.directory.gitconfig.read_text()
        assert world.environment().variables["GITHUB_SERVER_URL"] == world.addresses()["git"]


def test_one_process_has_a_world_at_a_time_and_the_other_is_told_who(world: World) -> None:
    with pytest.raises(RehearsalError, match=rf"is in use: process {os.getpid()}, since 20\d\d-") as refused:
        create(world.directory.path)
    assert "interlock rehearse stop" in (refused.value.hint or "")
    assert world.directory.server() is not None
    world.close()
    assert world.directory.server() is None
    create(world.directory.path).close()


def test_a_new_beginning_forgets_all_and_a_half_made_world_is_made_again(directory: Path) -> None:
    before = RehearsalDirectory(directory).tokens()
    (directory / "ledger.db").write_text("of the old world")
    with create(directory, new=True) as world:
        assert world.directory.tokens() != before
        assert not world.directory.ledger.exists()
    (directory / "world.json").unlink()
    (directory / "index/half").write_text("")
    with create(directory) as world:
        assert not (directory / "index/half").exists()
        assert world.directory.facts() == world.facts


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    for new in (False, True):
        with pytest.raises(RehearsalError, match="is not empty, and not a rehearsal's"):
            create(tmp_path / "mine", new=new)
    with pytest.raises(RehearsalError, match="is no directory"):
        create(tmp_path / "mine/thesis.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_world_that_cannot_be_read_is_said(directory: Path) -> None:
    (directory / "world.json").write_text("{}")
    with pytest.raises(RehearsalError, match=r"world.json can't be read"):
        create(directory)
    create(directory, new=True).close()


# --- in a process of its own ---------------------------------------------------------------------------------------


def test_a_process_of_its_own_serves_until_it_is_left(directory: Path) -> None:
    with create(directory, apart=Apart.ENDS) as world:
        assert world.serve_apart() is not None
        assert ask(world, "/rate_limit") == 200
        assert running(directory).facts == world.facts
        server = world.directory.server()
        assert server is not None
        assert server.pid != os.getpid()
        assert os.getpgid(server.pid) == os.getpgid(0)
        assert not server.stays
        os.kill(server.pid, signal.SIGINT)  # Ctrl-C is for the command, which may have something left to do
        assert ask(world, "/rate_limit") == 200
    assert not answers(world.facts.ports["api"])
    with pytest.raises(RehearsalError, match="no rehearsal runs in"):
        running(directory)


def test_one_that_stays_is_joined_by_others_until_it_is_told_to_end(directory: Path) -> None:
    with create(directory, apart=Apart.STAYS) as world:
        world.serve_apart()
    try:
        with create(directory, apart=Apart.ENDS) as joined:
            assert joined.serve_apart() is None
            assert ask(joined, "/rate_limit") == 200
        with pytest.raises(RehearsalError, match="is in use"):
            create(directory, new=True)
        assert answers(world.facts.ports["api"])
    finally:
        assert stop_server(world.directory)
    assert not answers(world.facts.ports["api"])
    assert not stop_server(world.directory)


KEEPER = """
import asyncio, sys, time
from pathlib import Path
from rehearsal.world import Apart, World
world = asyncio.run(World.create_or_open(Path(sys.argv[1]), apart=Apart.ENDS))
world.serve_apart()
print(world.facts.ports["api"], flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_servers_end_with_whoever_began_them_however_that_ends(directory: Path, number: signal.Signals) -> None:
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, directory], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert keeper.stdout is not None
    with keeper.stdout as said:
        port = int(said.readline())
        assert answers(port)
        keeper.send_signal(number)
        keeper.wait()
        assert said.read() == ""
    with create_when_free(directory):
        assert not answers(port)


def create_when_free(directory: Path) -> World:
    while RehearsalDirectory(directory).server() is not None:
        pass
    return create(directory)


def test_one_that_stays_and_lost_its_world_is_not_joined(directory: Path) -> None:
    with create(directory, apart=Apart.STAYS) as world:
        world.serve_apart()
    world.directory.forget_facts()
    with pytest.raises(RehearsalError, match="is not complete yet"):
        create(directory)
    stop_server(world.directory)


def test_a_process_that_does_not_end_is_killed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.1)
    with create(directory, apart=Apart.ENDS) as world:
        world.serve_apart()
        server = world.directory.server()
        assert server is not None
        os.kill(server.pid, signal.SIGSTOP)
    assert not answers(world.facts.ports["api"])


def test_who_has_a_world_may_be_unknown(directory: Path) -> None:
    with create(directory) as world:
        (directory / "server.json").unlink()
        with pytest.raises(RehearsalError, match="is in use: another command"):
            create(directory)
        assert world.directory.last_server() is None


def test_a_process_that_cannot_begin_says_why(directory: Path) -> None:
    (directory / "github.json").write_text("no json")
    with create(directory, apart=Apart.ENDS) as world, pytest.raises(RehearsalError, match=r"did not begin: .*JSON"):
        world.serve_apart()


def test_a_process_is_ended_when_the_world_cannot_be_made(tmp_path: Path) -> None:
    family = tmp_path / "family"
    shutil.copytree(SMALL_FAMILY, family)
    text = (family / "family.toml").read_text()
    (family / "family.toml").write_text(text.replace('owner = "mjdevaccount"\n', ""))
    with pytest.raises(RehearsalError, match="names no owner"):
        create(tmp_path / "world", template=Template.load(family), apart=Apart.ENDS)
    create(tmp_path / "world").close()


def test_a_server_that_hears_nothing_is_killed(directory: Path) -> None:
    with create(directory) as world:
        held = subprocess.Popen(["sleep", "600"], pass_fds=(world._lease.descriptor,))  # type: ignore[union-attr]
        stubborn = subprocess.Popen(
            [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(); time.sleep(600)"],
            pass_fds=(world._lease.descriptor,),  # type: ignore[union-attr]
            stdout=subprocess.PIPE,
        )
        assert stubborn.stdout is not None
        with stubborn.stdout as said:
            said.readline()
        world.directory.keep_server(Server(pid=stubborn.pid, since=0.0))
    held.kill()
    held.wait()
    stopping = subprocess.Popen([sys.executable, "-c", STOPPER, directory], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    stubborn.wait()
    assert stopping.communicate()[0] == "True\n"


STOPPER = """
import sys
from pathlib import Path
from rehearsal import process
process.STOP_SECONDS = 0.2
print(process.stop_server(process.RehearsalDirectory(Path(sys.argv[1]))))
"""


# --- a user's own repositories -------------------------------------------------------------------------------------

TINY = '[family]\nname = "tiny"\nowner = "me"\n[packages.tiny-core]\n[packages.tiny-store]\nrepository = "tiny_store"\n'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A family file and its repositories."""
    (tmp_path / "suites").mkdir()
    suites = '[[packages.tiny-store.suites]]\nname = "s"\npath = "suites"\n'
    (tmp_path / "family.toml").write_text(f'{TINY}upstreams = ["tiny-core"]\n{suites}')
    for name in ("tiny-core", "tiny_store"):
        command = ["git", "-c", "init.defaultBranch=trunk", "init", "--quiet", str(tmp_path / name)]
        subprocess.run(command, check=True)
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        commit = ["git", "-C", str(tmp_path / name), *identity, "commit", "--quiet", "--allow-empty", "--message=x"]
        subprocess.run(commit, check=True)
    return tmp_path


def test_mirrors_are_served_as_the_users_own_and_the_users_index_is_behind(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own / "behind").mkdir()
    store = IndexStore(own / "behind")
    store.own("other", "me")
    sources = (str(own / "tiny-core"), str(own / "tiny_store/.git"))
    with create(own / "world", sources=sources, family=own / "family.toml", apart=Apart.ENDS) as world:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")
        world.serve_apart()
        said = run(world, "git", "ls-remote", "--symref", f"{world.addresses()['git']}/me/tiny_store.git", "HEAD")
        assert said.startswith("ref: refs/heads/trunk\tHEAD\n")
        with pytest.raises(urllib.error.HTTPError, match="502"):
            urllib.request.urlopen(f"{world.addresses()['index']}/simple/tiny-core/")
        assert world.facts.behind == "pypi"
        assert world.family().packages["tiny-store"].suites[0].path == str(own / "suites")
    with pytest.raises(RehearsalError, match="already holds a rehearsal of "):
        create(own / "world", sources=sources[:1], family=own / "family.toml")


def test_a_family_with_an_index_of_its_own_uses_the_rehearsals_in_a_rehearsal(own: Path) -> None:
    file = own / "family.toml"
    file.write_text(
        file.read_text().replace('owner = "me"', 'owner = "me"\nindex = "https://index.example.org/simple/"')
    )
    with create(own / "world", sources=(str(own / "tiny-core"), str(own / "tiny_store")), family=file) as world:
        assert world.family().index == "pypi"
        assert world.facts.behind == "https://index.example.org/simple/"


def test_sources_are_matched_by_name_and_every_member_needs_one() -> None:
    family = family_file.load(SMALL_FAMILY / "family.toml")
    complete = [f"https://github.com/someone/{family.repository(name).split('/')[1]}.git" for name in family.packages]
    assert match([source.upper().replace("GIT", "git") for source in complete], family).keys() == {
        family.repository(name) for name in family.packages
    }
    with pytest.raises(RehearsalError, match=r"no repository was named for mjdevaccount/market-data-core, .*infra of"):
        match(complete[1:-1], family)
    with pytest.raises(RehearsalError, match=r"is no repository of the family") as wrong:
        match(["/srv/market-data-cor"], family)
    assert wrong.value.hint == 'did you mean "market-data-core"?'
    with pytest.raises(RehearsalError, match="market-data-core was named twice"):
        match([complete[0], "/srv/market-data-core"], family)


def test_a_world_of_the_small_family_is_no_world_of_mirrors(world: World, own: Path) -> None:
    world.close()
    with pytest.raises(RehearsalError, match="already holds a rehearsal of the small family"):
        create(world.directory.path, sources=(str(own / "tiny-core"),))
