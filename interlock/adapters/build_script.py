"""Run in the sandbox, by Interlock's own Python: builds a project with its own back end, and reports as JSON lines.

`python build_script.py SPEC.json`, where the specification has `libraries` (the folders of `build` and what it needs),
`source` (a folder or an sdist), `python` (of the back end's environment; absent: only [build-system] is read), `known`
(what this environment was made for), `kinds`, `made` (where files go), `work` (where an sdist is unpacked), and `out`
(where facts go). A back end that requires more than is known is reported and nothing is built: the sandbox has no
network.
"""

import json
import subprocess
import sys
import tarfile
import traceback
import zipfile
from pathlib import Path
from typing import Any

MISSING = 3  # the exit code when further requirements must be installed first


def main(specification: str) -> int:
    """Do what the specification says; the exit code is 0, MISSING, or 1 after a failure, which is printed."""
    spec = json.loads(Path(specification).read_text(encoding="utf-8"))
    sys.path[:0] = spec["libraries"]
    from build import BuildBackendException, BuildException  # noqa: PLC0415  from the specification's folders

    try:
        return _do(spec)
    except BuildBackendException as error:
        if not isinstance(error.exception, subprocess.CalledProcessError):  # the back end has printed its own
            traceback.print_exception(error.exception, limit=-1)
    except BuildException as error:
        traceback.print_exception(error, limit=0)
    return 1


def _do(spec: "dict[str, Any]") -> int:
    from build import ProjectBuilder  # noqa: PLC0415  from the specification's folders

    source = Path(spec["source"])
    if source.is_file():
        source = _unpacked(source, Path(spec["work"]))
    if "python" not in spec:
        _add(spec, requires=sorted(ProjectBuilder(source).build_system_requires))
        return 0
    for kind in spec["kinds"]:
        builder = ProjectBuilder(source, python_executable=spec["python"])
        further = sorted(builder.get_requires_for_build(kind))
        if not set(further) <= set(spec["known"]):
            _add(spec, requires=further)
            return MISSING
        made = Path(builder.build(kind, spec["made"]))
        if kind == "sdist" and "wheel" in spec["kinds"]:
            source = _unpacked(made, Path(spec["work"]))
    return 0


def _unpacked(sdist: Path, work: Path) -> Path:
    """The one folder of an sdist."""
    if sdist.suffix == ".zip":
        with zipfile.ZipFile(sdist) as archive:
            archive.extractall(work)  # noqa: S202  in the sandbox
    else:
        with tarfile.open(sdist) as archive:
            archive.extractall(work, filter="data")
    return next(path for path in work.iterdir() if path.is_dir())


def _add(spec: "dict[str, Any]", **fact: object) -> None:
    with Path(spec["out"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(fact) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
