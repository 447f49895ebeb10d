"""The values of git: remotes, authors, tags and commits, and the names of refs and objects."""

import base64
import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, SecretStr

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError

SHA = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
# What git-check-ref-format forbids, and a hyphen at the start, which would be an option.
_FORBIDDEN = re.compile(r"^[-/]|/[./]|^\.|\.\.|@\{|[\x00-\x20\x7f~^:?*\[\\]|\.lock(/|$)|[./]$|^@$|^$")


def checked_ref(name: str) -> str:
    """The given name of a branch, a tag or a whole ref, checked.

    Raises:
        UsageError: Git would not accept it.
    """
    if _FORBIDDEN.search(name):
        raise UsageError(f'"{name}" cannot be the name of a ref', hint="see git help check-ref-format")
    return name


def checked_sha(sha: str) -> str:
    """The given SHA, checked.

    Raises:
        UsageError: It is not a whole SHA.
    """
    if not re.fullmatch(SHA, sha):
        raise UsageError(f'"{sha}" is not the SHA of a commit', hint="write all of its 40 digits")
    return sha


def _address(url: str) -> str:
    parts = urlsplit(url)
    if not url or url.startswith("-") or re.search(r"[\x00-\x20\x7f]", url):
        raise ValueError("not the address of a repository")
    if parts.password is not None or (parts.scheme in {"http", "https"} and parts.username is not None):
        raise ValueError("credentials stand in the address of a repository, where others see them")
    return url


class Remote(FrozenModel):
    """Where a repository is, and the token for it.

    Attributes:
        url: An address without credentials, or a path.
        token: Sent to an http or https server in GitHub's form; None leaves access to git's own configuration.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_address)]
    token: SecretStr | None = None

    @property
    def server(self) -> str | None:
        """The server that the token is for, as `https://example.org/`; None where no token can be sent."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/" if parts.scheme in {"http", "https"} else None

    @property
    def basic(self) -> str | None:
        """User name and token for HTTP's basic authentication; also a secret."""
        if self.token is None:
            return None
        return base64.b64encode(f"x-access-token:{self.token.get_secret_value()}".encode()).decode()

    def settings(self) -> list[tuple[str, str]]:
        """Git's settings that send the token to its server alone, follow no redirect, and use no other credentials."""
        if self.token is None or self.server is None:
            return []
        header = f"http.{self.server}.extraHeader"
        return [
            (header, ""),  # drops one of the user's own: servers refuse two of them
            (header, f"Authorization: Basic {self.basic}"),
            ("credential.helper", ""),
            ("http.followRedirects", "false"),
        ]

    def redact(self, text: str) -> str:
        """The text without the token in any form, and without the credentials of addresses."""
        for secret in (self.basic, self.token and self.token.get_secret_value()):
            if secret:
                text = text.replace(secret, "[…]")
        return re.sub(r"(\w://)[^/@\s']+@", r"\1[…]@", text)


class Author(FrozenModel):
    """The author of commits and tags."""

    name: str
    email: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Name <address>`.

        Raises:
            UsageError: It has another form.
        """
        match = re.fullmatch(r"([^<>\n]*[^<>\s]) <([^<>\s]+)>", text)
        if not match:
            raise UsageError(f'"{text}" is not an author', hint='write "Name <address@example.org>"')
        return cls(name=match[1], email=match[2])

    def environment(self, when: int) -> dict[str, str]:
        """The variables by which git writes this author and committer, and this time (seconds since 1970) in UTC."""
        return {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", self.name), ("EMAIL", self.email), ("DATE", f"@{when} +0000"))
        }


class Tag(FrozenModel):
    """A tag of a commit.

    Attributes:
        sha: What the ref points at: the tag's own object, or the commit for a lightweight tag.
        commit: The tagged commit.
        message: An annotated tag's, without the newline at its end; None for a lightweight tag.
        when: When it was annotated, in seconds since 1970.
    """

    name: str
    sha: str
    commit: str
    message: str | None = None
    when: int | None = None


class Commit(FrozenModel):
    """A commit, as a list of changes shows it; the message is empty where it was not asked for."""

    sha: str
    subject: str
    author: str
    message: str = ""
