"""The block `Package index credentials`: the index that takes uploads, its user and password."""

from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from prefect.blocks.core import Block
from pydantic import AfterValidator, ConfigDict, Field, HttpUrl, SecretStr

from interlock.adapters.index.settings import TOKEN_USER, Upload


def _address(url: str) -> str:
    """Check an upload address; the message leaves it out, since it may hold a password."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the address must be an http or https URL")
    if "@" in parts.netloc:
        raise ValueError("write user and password into their own fields, not into the address")
    return url


class PackageIndexCredentials(Block):
    """The index that Interlock uploads to, its user and password.

    Example:
        ```python
        index = await PackageIndexCredentials.aload("interlock")
        await upload(path, index.get_client(), cure="release a newer version")
        ```
    """

    _block_type_name: ClassVar[str] = "Package index credentials (Interlock)"
    _block_type_slug: ClassVar[str] = "interlock-package-index-credentials"
    _logo_url: ClassVar[HttpUrl] = HttpUrl("https://www.python.org/static/community_logos/python-logo.png")
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://twine.readthedocs.io/en/stable/")

    model_config = ConfigDict(hide_input_in_errors=True)  # invalid input may hold a secret

    index: str = Field(default="PyPI", title="Index", description="What the index is called in messages.")
    repository_url: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None, title="Upload address", description="Where twine uploads to. Default: PyPI's, which twine knows."
    )
    username: str = Field(
        default=TOKEN_USER, title="User", description=f"{TOKEN_USER} when the password is an API token, as on PyPI."
    )
    password: SecretStr = Field(
        default=..., title="Password", description="An API token of the index, or the user's password."
    )

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """The block with these settings."""
        url = upload.repository_url.get_secret_value() if upload.repository_url else None
        return cls(index=upload.name, repository_url=url, username=upload.username, password=upload.password)

    def get_client(self) -> Upload:
        """The settings that `interlock.adapters.index.upload.upload` takes."""
        return Upload(
            name=self.index,
            repository_url=SecretStr(self.repository_url) if self.repository_url else None,
            username=self.username,
            password=self.password,
            source=f'the block "{self._block_document_name or self._block_type_name}"',
        )
