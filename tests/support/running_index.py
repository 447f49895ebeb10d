import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from rehearsal.fault_proxy import RequestLog
from rehearsal.index import IndexStore, Switches
from rehearsal.index.records import parse_filename, parse_metadata, read_metadata

TOKEN = "pypi-of-mine"
OTHERS = "pypi-of-theirs"


@dataclass(kw_only=True)
class Running:
    """An index that is being served: `me` may upload with TOKEN, `them` with OTHERS."""

    store: IndexStore
    switches: Switches
    log: RequestLog
    url: str
    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(self.url + path, headers=names)

    def page(self, project: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/simple/{project}/", accept="application/vnd.pypi.simple.v1+json").json()
        return found

    def shown(self, project: str) -> list[str]:
        return [file["filename"] for file in self.page(project)["files"]]

    def upload(
        self,
        path: Path,
        token: str | None = TOKEN,
        *,
        user: str = "__token__",
        **fields: Any,
    ) -> httpx.Response:
        """Upload as twine does; a field that is None is left out, `filename` and `content` are those of the file."""
        auth = {"authorization": basic(user, token)} if token is not None else {}
        filename, content = fields.pop("filename", path.name), fields.pop("content", path.read_bytes())
        form = {name: value for name, value in {**form_of(path), **fields}.items() if value is not None}
        files = {"content": (filename, content)} if filename is not None else None
        return self.client.post(f"{self.url}/legacy/", data=form, files=files, headers=auth)


def allow(store: IndexStore) -> None:
    store.accounts.add("me", SecretStr(TOKEN))
    store.accounts.add("them", SecretStr(OTHERS))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def form_of(path: Path) -> dict[str, Any]:
    metadata, content = parse_metadata(read_metadata(path)), path.read_bytes()
    return {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": metadata["Metadata-Version"],
        "name": metadata["Name"],
        "version": metadata["Version"],
        "requires_dist": metadata.get_all("Requires-Dist", []),
        "filetype": parse_filename(path.name).kind,
        "pyversion": "py3",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(content, digest_size=32).hexdigest(),
        "md5_digest": hashlib.md5(content).hexdigest(),
    }


def change(path: Path) -> Path:
    """The same release, built again with something else in it."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("changed.py", "")
    return path


def run(program: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", program, *arguments]
    return subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)


def twine(index: Running, files: Iterable[Path], token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    words = ["upload", "--non-interactive", "--disable-progress-bar", "--repository-url", f"{index.url}/legacy/"]
    environ = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token, "COLUMNS": "400"}
    return run("twine", *words, *map(str, files), **environ)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What a program printed, without the colours and line breaks of a terminal."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).split())
