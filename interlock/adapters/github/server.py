"""Which GitHub: the public one, an enterprise's, or the rehearsal's, by the variables of GitHub's own runners."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from gidgethub.sansio import DOMAIN

from interlock.common.frozen_model import FrozenModel
from interlock.errors import RepositoryError

SERVER = "https://github.com"
LOCAL = ("127.", "localhost", "[::1]", "::1")


class GitHubServer(FrozenModel):
    """A GitHub.

    Attributes:
        api: The address of its API.
        server: The address of its pages and of Git.
        pause_between_writes: Seconds; GitHub asks for one, and treats faster clients as abuse.
    """

    api: str = DOMAIN
    server: str = SERVER
    pause_between_writes: float = 1.0

    def remote(self, repository: str) -> str:
        """The address of a repository for Git.

        Args:
            repository: As owner/name.

        Raises:
            RepositoryError: It is a name without an owner.
        """
        if "/" not in repository:
            raise RepositoryError(
                f"nothing says who owns {repository}", hint="name the family's owner, or the suite's url"
            )
        return f"{self.server}/{repository}.git"


def github_server(environ: Mapping[str, str] = os.environ) -> GitHubServer:
    """The GitHub that the environment names; a rehearsal's on this machine needs no pauses."""
    api = (environ.get("GITHUB_API_URL") or DOMAIN).rstrip("/")
    server = (environ.get("GITHUB_SERVER_URL") or SERVER).rstrip("/")
    is_local = (urlsplit(api).hostname or "").startswith(LOCAL)
    return GitHubServer(api=api, server=server, pause_between_writes=0.0 if is_local else 1.0)
