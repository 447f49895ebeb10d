"""The block `GitHub credentials`: a personal access token, or a GitHub App's installation."""

import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Self

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, SecretStr, model_validator

from interlock.adapters.github import AppInstallation, Credentials, GitHub, StaticToken, github_server, open_github


class GitHubCredentials(Block):
    """How Interlock gets access to GitHub: by a personal access token, or as an installation of a GitHub App.

    Example:
        ```python
        credentials = await GitHubCredentials.aload("interlock")
        async with credentials.get_client() as github:
            print(await github.token_facts())
        ```
    """

    _block_type_name: ClassVar[str] = "GitHub credentials (Interlock)"
    _block_type_slug: ClassVar[str] = "interlock-github-credentials"
    _logo_url: ClassVar[HttpUrl] = HttpUrl("https://github.githubassets.com/images/modules/logos_page/GitHub-Mark.png")
    _documentation_url: ClassVar[HttpUrl] = HttpUrl(
        "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens"
    )

    model_config = ConfigDict(hide_input_in_errors=True)  # invalid input may hold a secret

    token: SecretStr | None = Field(
        default=None,
        title="Personal access token",
        description="Classic with repo and workflow, or fine-grained with Contents: write for every repository.",
    )
    app_id: int | None = Field(default=None, title="App's id", description="Of a GitHub App, instead of a token.")
    private_key: SecretStr | None = Field(
        default=None, title="App's private key", description="In PEM, with its first and last line."
    )
    installation_id: int | None = Field(
        default=None, title="Installation's id", description="The number at the end of the installation's address."
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        app = [self.app_id, self.private_key, self.installation_id]
        given = [part for part in app if part is not None]
        if self.token is not None and given:
            raise ValueError("give a token or an app, not both")
        if self.token is None and len(given) != len(app):
            raise ValueError("give a token, or an app's id, its private key and the installation's id")
        return self

    def credentials(self, name: str | None = None, environ: Mapping[str, str] = os.environ) -> Credentials:
        """The credentials that `interlock.adapters.github` takes.

        Args:
            name: The token's name in messages. Default: the block's.
            environ: Names GitHub's address, where an app gets its tokens.
        """
        if self.token is not None:
            return StaticToken(self.token, name or f'the block "{self._block_document_name or self._block_type_name}"')
        assert self.app_id is not None
        assert self.private_key is not None
        assert self.installation_id is not None
        return AppInstallation(
            app_id=str(self.app_id),
            private_key=self.private_key,
            installation_id=str(self.installation_id),
            server=github_server(environ),
        )

    def get_client(self, environ: Mapping[str, str] = os.environ) -> AbstractAsyncContextManager[GitHub]:
        """A connection to GitHub, closed at the end of its block.

        Args:
            environ: Names GitHub's address, by `GITHUB_API_URL`.
        """
        return open_github(self.credentials(environ=environ), github_server(environ))
