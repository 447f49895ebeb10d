"""The environment variables by which every program uses a world, and nothing outside of it."""

import re
import shlex
from collections.abc import Iterator, Mapping, MutableMapping

from interlock.common.frozen_model import FrozenModel
from rehearsal.directory import Facts, RehearsalDirectory

USER, MAIL = "Rehearsal", "rehearsal@localhost"
# Real tokens and addresses, which must be out of reach in a rehearsal.
REMOVED = frozenset(
    {
        *("REPO_DISPATCH_TOKEN", "REPO_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GH_HOST"),
        *("GITHUB_ENTERPRISE_TOKEN", "GITHUB_GRAPHQL_URL", "PYPI_API_TOKEN", "TWINE_REPOSITORY", "TWINE_API_KEY"),
        *("TWINE_CERT", "TWINE_CLIENT_CERT", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS"),
        *("UV_NO_INDEX", "UV_OFFLINE", "UV_GITHUB_TOKEN", "UV_CONFIG_FILE", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"),
        *("PIP_FIND_LINKS", "PIP_CONFIG_FILE", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_SSH_COMMAND", "GIT_DIR"),
        *("GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_PARAMETERS"),
    }
)
REMOVED_LIKE = re.compile(
    r"UV_PUBLISH_\w+|UV_INDEX_\w+_(USERNAME|PASSWORD)|GIT_CONFIG_(COUNT|KEY_\d+|VALUE_\d+)|GIT_(AUTHOR|COMMITTER)_\w+"
)
# Without localhost: some programs read it as all of *.localhost, and gh reaches the API under such a name.
LOOPBACK = "127.0.0.1"
GITHUB = "https://github.com/"
# Where the API's server takes the files of releases.
UPLOADS = "/api/uploads"


class Environment(FrozenModel):
    """Changes of an environment.

    Attributes:
        variables: The variables to set.
        removed: The names of variables to remove.
    """

    variables: Mapping[str, str]
    removed: frozenset[str]

    def apply(self, environ: MutableMapping[str, str]) -> None:
        """Apply the changes to an environment."""
        for name in self.removed & environ.keys():
            del environ[name]
        environ.update(self.variables)


def environment(
    directory: RehearsalDirectory, facts: Facts, aliases: tuple[str, ...], environ: Mapping[str, str]
) -> Environment:
    """The changes by which flows, git, uv, pip and twine use a world.

    Args:
        directory: The world's directory.
        facts: The facts about the world, with the ports of its servers.
        aliases: The family's older names of the GitHub token, which may hold a real one.
        environ: The environment to change.
    """
    tokens, urls = directory.tokens(), addresses(facts)
    simple = f"{urls['index']}/simple/"
    variables = {
        "GITHUB_API_URL": urls["api"],
        "GITHUB_SERVER_URL": urls["git"],
        "REPO_DISPATCH_TOKEN": tokens.github.get_secret_value(),
        "UV_DEFAULT_INDEX": simple,
        "UV_NO_CONFIG": "1",
        "PIP_INDEX_URL": simple,
        "PIP_CONFIG_FILE": "/dev/null",
        "TWINE_REPOSITORY_URL": f"{urls['index']}/legacy/",
        "TWINE_USERNAME": "__token__",
        "TWINE_PASSWORD": tokens.index.get_secret_value(),
        "TWINE_NON_INTERACTIVE": "1",
        "GIT_CONFIG_GLOBAL": str(directory.gitconfig),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "INTERLOCK_FAMILY": str(directory.family_file),
        "INTERLOCK_LEDGER_URL": f"sqlite:///{directory.ledger}",
        **_past_proxies(environ),
    }
    removed = {name for name in environ if name in REMOVED or REMOVED_LIKE.fullmatch(name)} | set(aliases)
    return Environment(variables=variables, removed=frozenset(removed - variables.keys()))


def addresses(facts: Facts) -> dict[str, str]:
    """The addresses of the servers, by origin; the API's server takes uploads too."""
    urls = {origin: f"http://{LOOPBACK}:{port}" for origin, port in facts.ports.items()}
    return {**urls, "uploads": f"{urls['api']}{UPLOADS}"}


def gitconfig(facts: Facts) -> str:
    """Git's settings in a world: a committer, no credentials, and no way to the real GitHub."""
    lines = (
        "[user]",
        f"\tname = {USER}",
        f"\temail = {MAIL}",
        "[credential]",
        "\thelper =",
        f'[url "{addresses(facts)["git"]}/"]',
        f"\tinsteadOf = {GITHUB}",
    )
    return "\n".join([*lines, ""])


def shell(environment: Environment) -> Iterator[str]:
    """The changes as lines for a shell."""
    if environment.removed:
        yield f"unset {' '.join(sorted(environment.removed))}"
    for name, value in environment.variables.items():
        yield f"export {name}={shlex.quote(value)}"


def _past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that exclude this machine from proxies; programs read either spelling."""
    known = [environ.get(name, "") for name in ("NO_PROXY", "no_proxy")]
    hosts = dict.fromkeys(host.strip() for text in (*known, LOOPBACK) for host in text.split(","))
    text = ",".join(host for host in hosts if host)
    return {"NO_PROXY": text, "no_proxy": text}
