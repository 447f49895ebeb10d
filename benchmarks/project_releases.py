"""Are releases of other people's projects right, whatever shape the projects have?

`projects/list.toml` names public repositories of many shapes, and what a patch release of their newest commit should
come to. Each is rehearsed as a user would, with the index as it was on the day of that commit, and judged by plain
tools: `git diff` shows the files that the release's commit changed, `python -m build` on its tag makes files of the
same names and contents, no module in the wheel has the old `__version__`, and `uv lock --check` is green if it was
green before. A refusal must name what was expected. The exit code is the number of projects with a fault.

    python benchmarks/project_releases.py --mirrors DIR            # DIR/OWNER+NAME/repo, bare; else from GitHub
    python benchmarks/project_releases.py --mirrors DIR click typer
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import tomlkit
from uv import find_uv_bin

from interlock.adapters.index.settings import find_index

LIST = Path(__file__).parent / "projects" / "list.toml"
GITHUB = "https://github.com"
JSON = "application/vnd.pypi.simple.v1+json"
VERSION = re.compile(rb"""^__version__(?::\s*str)?\s*=\s*["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """One project of the list."""

    name: str
    repository: str
    package: Mapping[str, Any]
    outcome: str
    version: str | None = None
    changed: tuple[str, ...] = ()
    why: str = ""
    day: str | None = None
    arguments: tuple[str, ...] = ()

    @classmethod
    def read(cls, name: str, table: Mapping[str, Any]) -> "Project":
        """A project from its table."""
        known = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        chosen: dict[str, Any] = {key: value for key, value in known.items() if key not in {"kind", "note"}}
        return cls(name=name, **chosen)


def main() -> int:
    """Rehearse the projects, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="*")
    parser.add_argument("--mirrors", type=Path, help="bare repositories, as DIR/OWNER+NAME/repo")
    asked = parser.parse_args()
    tables = tomllib.loads(LIST.read_text(encoding="utf-8"))
    wrong = 0
    for name, table in tables.items():
        if asked.projects and name not in asked.projects:
            continue
        project = Project.read(name, table)
        with tempfile.TemporaryDirectory(prefix="projects-") as folder:
            result, faults = rehearsed(project, asked.mirrors, Path(folder))
        wrong += bool(faults)
        print(f"{'✗' if faults else '✓'} {name}: {result}", *(f"    {fault}" for fault in faults), sep="\n", flush=True)
    print(f"{wrong} wrong")
    return wrong


def rehearsed(project: Project, mirrors: Path | None, folder: Path) -> tuple[str, list[str]]:
    """What came of the project, in words, and what is wrong with that."""
    name = project.repository.rpartition("/")[2]
    kept = mirrors / project.repository.replace("/", "+") / "repo" if mirrors else None
    source = kept if kept and kept.exists() else f"{GITHUB}/{project.repository}"
    mirror = folder / f"{name}.git"
    run("git", "clone", "-q", "--mirror", source, mirror)
    before = run("git", "rev-parse", project.package.get("branch", "main"), cwd=mirror).strip()
    day = project.day or run("git", "log", "-1", "--format=%cI", before, cwd=mirror)[:10]
    with index_as_it_was(project.name, day) as index:
        family = {
            "family": {"name": "others", "owner": "me", "author": "Bot <bot@example.org>", "index": index},
            "packages": {project.name: {"repository": name, **project.package}},
        }
        (folder / "family.toml").write_text(tomlkit.dumps(family), encoding="utf-8")
        command: list[object] = [
            "rehearse",
            "release",
            project.name,
            "--from-git",
            mirror,
            "--directory",
            folder / "world",
        ]
        command += ["--family", folder / "family.toml", "--new", "--json", *project.arguments]
        done = tried(Path(sys.executable).with_name("interlock"), *command)
    said = " ".join(line for line in done.stderr.splitlines() if not line.startswith(("✓", "Prefect UI")))
    result = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    if done.returncode:
        return f"refused with exit code {done.returncode}: {said}", judged_refusal(project, done.returncode, said)
    if result["nothing_new"]:
        return "nothing to release", [] if project.outcome == "nothing" else [f"expected: {project.outcome}"]
    clone = folder / "clone"
    run("git", "clone", "-q", folder / "world" / "repositories" / "me" / mirror.name, clone)
    run("git", "checkout", "-q", result["tag"], cwd=clone)
    changed = run("git", "diff", "--name-only", before, "HEAD", cwd=clone).split()
    faults = list(judged_release(project, result, changed, clone, before, folder))
    remarks = "".join(f"\n    ! {remark}" for remark in result["remarks"])
    return (
        f"{result['version']} after {result['previous']}, changed: {', '.join(changed) or 'nothing'}{remarks}",
        faults,
    )


def judged_refusal(project: Project, code: int, said: str) -> list[str]:
    """What is wrong with a refusal."""
    faults = [f"expected: {project.outcome} {project.version or ''}"] if project.outcome != "refused" else []
    faults += ["a traceback"] if "Traceback" in said or code == 1 else []
    return faults if project.why.lower() in said.lower() else [*faults, f'the reason does not name "{project.why}"']


def judged_release(
    project: Project, result: Mapping[str, Any], changed: list[str], clone: Path, before: str, folder: Path
) -> Iterator[str]:
    """What is wrong with a release, by plain tools."""
    if (project.outcome, project.version) != ("released", result["version"]):
        yield f"expected: {project.outcome} {project.version or ''}"
    missing = [each for each in project.changed if not any(f"{path}/".startswith(f"{each}/") for path in changed)]
    others = [each for each in changed if not any(f"{each}/".startswith(f"{path}/") for path in project.changed)]
    if missing or others:
        yield f"not changed: {missing}; changed beside: {others}"
    stored = folder / "world" / "index" / "files"
    published = {
        each["name"]: contents(each["name"], stored / each["sha256"] / each["name"]) for each in result["files"]
    }
    yield from plain_build(project, clone, published, folder)
    yield from old_versions(published, result["previous"])
    if (clone / "uv.lock").exists() and lock_is_fresh(clone, before) and not lock_is_fresh(clone, result["tag"]):
        yield "uv lock --check is red, and was green before"


def old_versions(published: Mapping[str, Mapping[str, bytes]], previous: str) -> Iterator[str]:
    """The modules in wheels that have the version before."""
    for name, files in published.items():
        for path, data in files.items() if name.endswith(".whl") else ():
            if any(found[1].decode() == previous for found in VERSION.finditer(data)):
                yield f"{name}: {path} has __version__ {previous}"


def plain_build(
    project: Project, clone: Path, published: Mapping[str, Mapping[str, bytes]], folder: Path
) -> Iterator[str]:
    """Differences from what `python -m build` makes of the tag."""
    root = clone / project.package.get("directory", ".")
    done = tried(sys.executable, "-m", "build", "--installer", "uv", "--outdir", folder / "plain", root)
    if done.returncode:
        yield f"a plain build fails: {done.stdout[-300:]}"
        return
    for path in (folder / "plain").iterdir():
        ours, plain = published.get(path.name), contents(path.name, path)
        if ours is None:
            yield f"a plain build makes {path.name}, the release has {sorted(published)}"
        elif different := sorted(each for each in {*ours, *plain} if ours.get(each) != plain.get(each)):
            yield f"{path.name} differs from a plain build in {different[:5]}"


def contents(name: str, path: Path) -> Mapping[str, bytes]:
    """The files of an archive."""
    if name.endswith(".whl"):
        with zipfile.ZipFile(path) as archive:
            files = {each: archive.read(each) for each in archive.namelist() if not each.endswith("/")}
        # The order of its lines is free.
        return {
            each: b"".join(sorted(data.splitlines(keepends=True))) if each.endswith("/RECORD") else data
            for each, data in files.items()
        }
    with tarfile.open(path) as archive:
        members = [each for each in archive if each.isfile()]
        return {each.name: file.read() for each in members if (file := archive.extractfile(each))}


def lock_is_fresh(clone: Path, ref: str) -> bool:
    """Whether `uv lock --check` is green in a fresh copy of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        run("git", "clone", "-q", clone, folder)
        run("git", "checkout", "-q", ref, cwd=Path(folder))
        return not tried(find_uv_bin(), "lock", "--check", cwd=Path(folder)).returncode


@contextlib.contextmanager
def index_as_it_was(package: str, day: str) -> Iterator[str]:
    """Serve the user's index without the files of the package that were uploaded after a day, as 2026-08-20."""
    real = find_index("pypi").url.get_secret_value().rstrip("/")

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/").rpartition("/")[2]
            answer = httpx.get(f"{real}/{name}/", headers={"accept": JSON}, follow_redirects=True, timeout=60)
            self.send_response(answer.status_code)
            self.send_header("content-type", JSON)
            self.end_headers()
            if answer.is_success:
                page = answer.json()
                files = [
                    {**each, "url": urljoin(str(answer.url), each["url"])}
                    for each in page["files"]
                    if name != package or each.get("upload-time", "")[:10] <= day
                ]
                self.wfile.write(json.dumps({**page, "files": files}).encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


def tried(*command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command that may fail."""
    return subprocess.run([str(each) for each in command], cwd=cwd, capture_output=True, text=True, check=False)


def run(*command: object, cwd: Path | None = None) -> str:
    """Run a command that must not fail."""
    done = tried(*command, cwd=cwd)
    done.check_returncode()
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
