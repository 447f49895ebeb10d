"""Which index to read and to upload to: the family's, or the one that uv, pip and twine are configured for."""

import configparser
import os
import re
import site
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from interlock.common import tokens
from interlock.common.digest import digest
from interlock.common.frozen_model import FrozenModel
from interlock.errors import FamilyError, IndexUnavailableError, PublishError

SYSTEM = Path("/etc")
# The user name that goes with an API token on PyPI and many other indexes.
TOKEN_USER = "__token__"  # noqa: S105  a name
PYPI, TEST_PYPI = "pypi", "testpypi"

# uv's settings that change which versions it chooses.
CHOOSING = (
    *("UV_EXCLUDE_NEWER", "UV_EXCLUDE_NEWER_PACKAGE", "UV_RESOLUTION", "UV_PRERELEASE", "UV_INDEX_STRATEGY"),
    *("UV_FIND_LINKS", "UV_CONFIG_FILE", "UV_NO_BINARY", "UV_ONLY_BINARY", "UV_NO_CONFIG", "UV_CONSTRAINT"),
    *("UV_OVERRIDE", "UV_INDEX", "UV_EXTRA_INDEX_URL"),
)
# What leaves out releases for their age, in uv's files and in pip's.
AGES = ("exclude-newer", "exclude-newer-package")
PIP_AGE = "uploaded-prior-to"


class Index(FrozenModel):
    """A package index.

    Attributes:
        name: Its name in messages; never its address, which may hold a password.
        url: The root of its simple API.
        configured: Whether it must be passed to uv; False when uv takes the same one by itself.
    """

    name: str
    url: SecretStr
    configured: bool

    def key(self, environ: Mapping[str, str] = os.environ) -> str:
        """Equal for equal resolutions: the digest of the address without its password, and of uv's settings above."""
        parts = urlsplit(self.url.get_secret_value())
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        return digest(bare, {name: environ.get(name) for name in CHOOSING})

    def environment(self) -> dict[str, str]:
        """The variables that make uv use this index; every user of a machine could read an address in arguments."""
        return {"UV_DEFAULT_INDEX": self.url.get_secret_value()} if self.configured else {}


class Upload(FrozenModel):
    """Where releases are uploaded to, and with which credentials.

    Attributes:
        name: The index's name in messages.
        repository_url: Where twine uploads to; None for PyPI, which twine knows.
        source: Where the password was found, for messages.
    """

    name: str
    repository_url: SecretStr | None = None
    username: str = TOKEN_USER
    password: SecretStr
    source: str = ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is known to be neither PyPI nor TestPyPI, nor a rehearsal's index on this machine."""
        if self.repository_url is None or self.name == TEST_PYPI:
            return False
        from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY  # noqa: PLC0415  half a second

        host = urlsplit(self.repository_url.get_secret_value()).hostname
        known = {urlsplit(address).hostname for address in (DEFAULT_REPOSITORY, TEST_REPOSITORY)}
        return host not in {*known, "127.0.0.1"}


def find_index(wanted: str, environ: Mapping[str, str] = os.environ) -> Index:
    """The index that a family names.

    Args:
        wanted: A URL; the name of an index in uv's configuration; or `pypi`, for the default one: uv's configured
            one, else pip's, else PyPI.
        environ: Where the clients' variables are.

    Raises:
        FamilyError: No index of this name is configured, or uv's settings can't be read.
    """
    if "://" in wanted:
        return Index(name=urlsplit(wanted).hostname or "local files", url=SecretStr(wanted), configured=True)
    uv = list(_uv_indexes(environ))
    if wanted == PYPI:
        return _default(uv, environ)
    for name, url, _default_one in uv:
        if name == wanted:
            return Index(name=wanted, url=_with_credentials(name, url, environ), configured=True)
    raise FamilyError(
        f'no index named "{wanted}" is configured',
        hint=f'define it in uv.toml ([[index]] name = "{wanted}"), or write pypi or a URL',
    )


def _default(uv: list[tuple[str, str, bool]], environ: Mapping[str, str]) -> Index:
    for name, url, is_default in uv:
        if is_default:
            return Index(name=name or "uv's default index", url=_with_credentials(name, url, environ), configured=True)
    if pip := _pip_setting("index-url", environ):
        return Index(name="pip's index", url=SecretStr(pip), configured=True)
    return Index(name="PyPI", url=SecretStr(_pypi()), configured=False)


def _with_credentials(name: str, url: str, environ: Mapping[str, str]) -> SecretStr:
    """The address with the user name and password that uv reads from the environment for an index of this name."""
    prefix = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"
    user, password = environ.get(f"{prefix}_USERNAME", ""), environ.get(f"{prefix}_PASSWORD", "")
    parts = urlsplit(url)
    if not name or not (user or password) or parts.username:
        return SecretStr(url)
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"
    return SecretStr(parts._replace(netloc=login).geturl())


def _uv_indexes(environ: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Name, URL and whether it is the default one, in uv's order of precedence."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if value := environ.get(variable):
            yield *_named(value), True
    for value in environ.get("UV_INDEX", "").split():
        yield *_named(value), False
    for file in _uv_files(environ):
        settings = _read_toml(file)
        for index in settings.get("index", []):
            yield index.get("name", ""), index["url"], index.get("default", False)
        for url in (settings.get("index-url"), settings.get("pip", {}).get("index-url")):
            if url:
                yield "", url, True


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FamilyError(f"uv's settings can't be read: {file}: {error}") from None


def _named(value: str) -> tuple[str, str]:
    """Read `name=url`, or a bare URL."""
    name, equals, url = value.partition("=")
    return (name, url) if equals and "://" not in name else ("", value)


def _uv_files(environ: Mapping[str, str]) -> Iterator[Path]:
    named = environ.get("UV_CONFIG_FILE")
    config = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for file in [Path(named)] if named else [config / "uv" / "uv.toml", SYSTEM / "uv" / "uv.toml"]:
        if file.is_file():
            yield file


def age_filters(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The settings of uv and pip that leave out releases for their age, each with the place where it stands.

    Raises:
        FamilyError: A file of uv can't be read.
    """
    variables = [f"UV_{key.upper().replace('-', '_')}" for key in AGES]
    found = [f"{name} = {environ[name]}" for name in variables if environ.get(name)]
    for file in _uv_files(environ):
        settings = _read_toml(file)
        tables = (settings, settings.get("pip", {}))
        found += [f"{key} = {table[key]} in {file}" for table in tables for key in AGES if key in table]
    age = _pip_setting(PIP_AGE, environ)
    return (*found, *([f"pip's {PIP_AGE} = {age}"] if age else []))


def _pip_setting(key: str, environ: Mapping[str, str]) -> str | None:
    if named := environ.get(f"PIP_{key.upper().replace('-', '_')}"):
        return named
    parser = configparser.RawConfigParser()
    parser.read(_pip_files(environ), encoding="utf-8")
    for section in ("install", "global"):
        if parser.has_option(section, key):
            return parser.get(section, key)
    return None


def _pip_files(environ: Mapping[str, str]) -> list[Path]:
    """The files that pip reads, later ones winning, as pip documents; none when `PIP_CONFIG_FILE` is `os.devnull`."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    config = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    files = [SYSTEM / "pip.conf", Path.home() / ".pip" / "pip.conf", config / "pip" / "pip.conf"]
    if site.ENABLE_USER_SITE is not None:
        files.append(Path(sys.prefix) / "pip.conf")
    if named:
        files.append(Path(named))
    return files


def _pypi() -> str:
    """PyPI's simple API, on the host that twine uploads to, without its `upload.`."""
    from twine.utils import DEFAULT_REPOSITORY  # noqa: PLC0415  half a second that most commands don't need

    host = urlsplit(DEFAULT_REPOSITORY).hostname
    if host is None:
        raise IndexUnavailableError("twine does not say where PyPI is", hint="name the index in family.toml")
    return f"https://{host.removeprefix('upload.')}/simple/"


def find_upload(environ: Mapping[str, str] = os.environ) -> Upload | None:
    """Where twine would upload to, and with which credentials; None when no password is found.

    Its variables win over `~/.pypirc`, as with twine itself. `PYPI_API_TOKEN` is for PyPI only: it goes to no other
    index. Twine's keyring is not used: it may prompt.

    Args:
        environ: Where twine's variables are, and `HOME`.

    Raises:
        PublishError: `TWINE_REPOSITORY` names an index that `~/.pypirc` does not have, or that file can't be read.
        TokenError: A variable holds what can't be a token.
    """
    name = environ.get("TWINE_REPOSITORY") or PYPI
    address = environ.get("TWINE_REPOSITORY_URL")
    section = _in_address(address) if address else _in_pypirc(name, environ)
    url = section.get("repository")
    username = environ.get("TWINE_USERNAME") or section.get("username") or TOKEN_USER
    found = _upload_password(username, environ, is_pypi=url is None)
    if found is None and (password := section.get("password")):
        found = ("TWINE_REPOSITORY_URL" if address else "~/.pypirc"), SecretStr(password)
    if found is None:
        return None
    return Upload(
        name="PyPI" if url is None else (urlsplit(url).hostname or name) if address else name,
        repository_url=None if url is None else SecretStr(url),
        username=username,
        password=found[1],
        source=found[0],
    )


def _upload_password(username: str, environ: Mapping[str, str], *, is_pypi: bool) -> tuple[str, SecretStr] | None:
    """The variable and its value. A token is checked for characters that no token has; a password may be anything."""
    if username != TOKEN_USER:
        password = environ.get(tokens.INDEX)
        return (tokens.INDEX, SecretStr(password)) if password else None
    aliases = [alias for alias in tokens.INDEX_ALIASES if is_pypi or not alias.startswith("PYPI_")]
    found = tokens.find(tokens.INDEX, aliases, environ)
    return (found.name, found.token) if found else None


def _in_address(address: str) -> Mapping[str, str | None]:
    """An address with its user name and password, in the form of a section of `~/.pypirc`."""
    parts = urlsplit(address)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return {
        "repository": bare,
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
    }


def _in_pypirc(name: str, environ: Mapping[str, str]) -> Mapping[str, str | None]:
    """A section of `~/.pypirc`, as twine reads it; without an address when it is PyPI's own."""
    file = Path(environ.get("HOME") or Path.home()) / ".pypirc"
    if name == PYPI and not file.is_file():
        return {}
    from twine import utils  # noqa: PLC0415  half a second that most commands don't need
    from twine.exceptions import TwineException  # noqa: PLC0415

    try:
        section = utils.get_repository_from_config(str(file) if file.is_file() else os.devnull, name)
    except (TwineException, UnicodeDecodeError):
        hint = f"add [{name}] to ~/.pypirc, or name the index by TWINE_REPOSITORY_URL"
        raise PublishError(f'~/.pypirc has no index "{name}", or can\'t be read', hint=hint) from None
    return {
        **section,
        "repository": None if section["repository"] == utils.DEFAULT_REPOSITORY else section["repository"],
    }
