"""Does the gateway lose or double a delivery when thousands arrive and everything is killed meanwhile?

Sends a burst from a second process over loopback: deliveries like GitHub's, with redeliveries, several of one meaning,
foreign repositories, forgeries, and bodies without a signature. Prefect is killed in the first third of it and started
again when everything is sent; the gateway itself is killed in the second third and started again. At the end the counts
of what was sent, answered, stored and run must agree exactly; the exit code says whether they do.

    python benchmarks/gateway.py --deliveries 5000

With --stand-in a small program replaces Prefect, which only makes a run for each idempotency key.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from fastapi import FastAPI, Request
from pydantic import SecretStr

from interlock.adapters.ledger import SqlLedger, open_ledger
from interlock.common.frozen_model import FrozenModel
from interlock.webhooks import DeliveryState, Secrets
from interlock.webhooks.signature import sign

SECRET = "a secret of the benchmark alone"  # noqa: S105
SECRETS, STRANGER = Secrets(current=SecretStr(SECRET)), Secrets(current=SecretStr("somebody else's secret"))
FAMILY = """
[family]
name = "burst"
owner = "alice"
[packages.core]
[packages.store]
upstreams = ["core"]
suites = [{name = "contracts", imports = true}]
"""
FLOWS = {"verify-contracts": "verify-contracts", "cascade-release": "follow-upstream"}
ROOT = Path(__file__).parents[1]
LIMIT = 10.0  # seconds after which GitHub counts a delivery as failed
TIMEOUT = 1800.0
# The kinds of deliveries, and how many of a hundred are of each.
MIX = {"starts": 15, "same-thing": 20, "foreign": 20, "redelivery": 20, "forged": 15, "unsigned": 5, "sha1-only": 5}
REFUSED = ("forged", "unsigned", "sha1-only")


class Sent(FrozenModel):
    """One delivery of the plan."""

    kind: str
    guid: str
    body: str


def plan(count: int, seed: int) -> list[Sent]:
    """The deliveries of a burst, in the order in which they are sent; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  no secret
    kinds = chance.choices(list(MIX), weights=list(MIX.values()), k=count)
    genuine: list[Sent] = []
    made = []
    for number, kind in enumerate(kinds):
        guid = str(UUID(int=chance.getrandbits(128)))
        if kind == "redelivery" and genuine:
            again = chance.choice(genuine)
            made.append(Sent(kind="redelivery", guid=again.guid, body=again.body))
            continue
        one = Sent(kind="starts" if kind == "redelivery" else kind, guid=guid, body=_body(kind, number, chance))
        made.append(one)
        if one.kind not in REFUSED:
            genuine.append(one)
    return made


def _body(kind: str, number: int, chance: random.Random) -> str:
    # "same-thing" has fifty heads for very many deliveries
    sha = f"{chance.randrange(50) if kind == 'same-thing' else number + 1000:040x}"
    repository = "mallory/core" if kind == "foreign" else "alice/core"
    return json.dumps({"ref": "refs/heads/main", "after": sha, "repository": {"full_name": repository}})


def key_of(one: Sent) -> str:
    """The meaning of a delivery: those of one key lead to one run."""
    return str(json.loads(one.body)["after"])


# ---- the second process: it sends ---------------------------------------------------------------------------------


async def send(url: str, deliveries: list[Sent], at_once: int) -> dict[str, Any]:
    """Send them all; one without an answer is sent again, as GitHub does for the sweeper.

    Returns:
        The count of each answer by kind, of those sent again, and the parts of GitHub's limit that answers took.
    """
    answers: Counter[str] = Counter()
    again, took = 0, []
    left = iter(deliveries)

    async def sender(client: httpx.AsyncClient) -> None:
        nonlocal again
        for one in left:
            began = time.monotonic()
            while (answer := await _post(client, url, one)) is None:
                again += 1
                await asyncio.sleep(0.2)
                began = time.monotonic()
            took.append((time.monotonic() - began) / LIMIT)
            answers[f"{one.kind}: {answer}"] += 1

    limits = httpx.Limits(max_connections=at_once)
    async with httpx.AsyncClient(timeout=LIMIT, limits=limits, trust_env=False) as client:
        await asyncio.gather(*(sender(client) for _ in range(at_once)))
    took.sort()
    return {"answers": answers, "again": again, "median": took[len(took) // 2], "slowest": took[-1]}


async def _post(client: httpx.AsyncClient, url: str, one: Sent) -> str | None:
    body = one.body.encode()
    headers = {"content-type": "application/json", "x-github-event": "push", "x-github-delivery": one.guid}
    if one.kind == "sha1-only":
        headers["x-hub-signature"] = "sha1=" + "0" * 40
    elif one.kind != "unsigned":
        headers["x-hub-signature-256"] = sign((STRANGER if one.kind == "forged" else SECRETS).current, body)
    try:
        answer = await client.post(f"{url}/webhooks/github", content=body, headers=headers)
    except httpx.TransportError:
        return None
    if answer.status_code == 503:
        return None
    said = answer.json()
    return str(said.get("reason") or said["status"])


# ---- a stand-in for Prefect ---------------------------------------------------------------------------------------


def stand_in(file: Path, port: int) -> None:
    """Serve what the gateway needs of Prefect; runs are lines of a file, which outlives the process."""
    app = FastAPI()
    keys = dict(line.split("\t") for line in file.read_text().splitlines()) if file.exists() else {}

    @app.get("/api/deployments/name/{flow}/{name}")
    async def deployment(flow: str, name: str) -> dict[str, str]:
        known = str(UUID(int=sum(f"{flow}/{name}".encode())))
        return {"id": known, "name": name, "flow_id": known}

    @app.post("/api/deployments/{deployment}/create_flow_run")
    async def create(deployment: str, request: Request) -> dict[str, str]:
        key = (await request.json())["idempotency_key"]
        if key not in keys:
            keys[key] = str(UUID(int=len(keys)))
            with file.open("a") as lines:
                lines.write(f"{key}\t{keys[key]}\n")
        return {"id": keys[key], "flow_id": deployment, "name": "run"}

    @app.get("/api/health")
    async def health() -> bool:
        return True

    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None)


# ---- what is measured ---------------------------------------------------------------------------------------------


class Burst:
    """The processes of one measurement, in a directory of their own."""

    def __init__(self, folder: Path, *, is_real: bool) -> None:
        self.folder, self.is_real = folder, is_real
        self.gateway_port, self.prefect_port = _free_port(), _free_port()
        (folder / "family.toml").write_text(FAMILY)
        self.ledger = SecretStr(f"sqlite:///{folder}/ledger.db")
        self.environ = {
            **{name: text for name, text in os.environ.items() if not name.startswith(("PREFECT_", "INTERLOCK_"))},
            "INTERLOCK_HOME": str(folder / "home"),
            "INTERLOCK_FAMILY": str(folder / "family.toml"),
            "INTERLOCK_LEDGER_URL": self.ledger.get_secret_value(),
            "INTERLOCK_WEBHOOK_SECRET": SECRET,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    @property
    def url(self) -> str:
        """The address of the gateway."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def api(self) -> str:
        """The address of Prefect's API."""
        return f"http://127.0.0.1:{self.prefect_port}/api"

    def gateway(self) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it accepts deliveries."""
        command = ("-m", "deployments", "gateway", "--port", self.gateway_port)
        return self._start("gateway", f"{self.url}/healthz", *command)

    def prefect(self) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it is healthy."""
        real = ("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", self.prefect_port)
        other = (__file__, "--role", "stand-in", self.folder / "runs", self.prefect_port)
        command: tuple[object, ...] = real if self.is_real else other
        return self._start("prefect", f"{self.api}/health", *command)

    def sender(self, deliveries: list[Sent], at_once: int) -> "subprocess.Popen[bytes]":
        """Start sending, in a process of its own."""
        file = self.folder / "plan.json"
        file.write_text("[" + ",".join(each.model_dump_json() for each in deliveries) + "]")
        command = (__file__, "--role", "sender", file, self.url, at_once)
        return self._start("sender", None, *command)

    def sent(self) -> dict[str, Any]:
        """The output of the sender, which has ended."""
        found: dict[str, Any] = json.loads((self.folder / "sender.log").read_text())
        return found

    def deploy(self) -> None:
        """Make the deployments, in a real Prefect."""
        with httpx.Client(base_url=self.api, trust_env=False, timeout=30) as client:
            for flow, deployment in FLOWS.items():
                made = client.post("/flows/", json={"name": flow}).raise_for_status().json()
                wanted = {"name": deployment, "flow_id": made["id"], "enforce_parameter_schema": False}
                client.post("/deployments/", json=wanted).raise_for_status()

    def runs(self) -> int:
        """How many flow runs there are."""
        if not self.is_real:
            return len((self.folder / "runs").read_text().splitlines())
        answer = httpx.post(f"{self.api}/flow_runs/count", json={}, trust_env=False, timeout=30)
        return int(answer.raise_for_status().json())

    def _start(self, name: str, answers: str | None, *command: object) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            started = [sys.executable, *map(str, command)]
            process = subprocess.Popen(
                started, env=self.environ, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        if answers is not None:
            try:
                _until(lambda: process.poll() is not None or _is_there(answers))
                assert process.poll() is None, (self.folder / f"{name}.log").read_text()
            except BaseException:
                _kill(process)
                raise
        return process


def measure(burst: Burst, deliveries: list[Sent], at_once: int) -> dict[str, tuple[int, int]]:
    """Send the burst while everything is killed; returns pairs of the expected and the actual count."""
    genuine = {one.guid: one for one in deliveries if one.kind not in REFUSED}
    starting = [one for one in genuine.values() if "alice/core" in one.body]
    with contextlib.ExitStack() as stack, open_ledger(burst.ledger) as ledger:
        prefect = _killed_at_exit(stack, burst.prefect())
        if burst.is_real:
            burst.deploy()
        gateway = _killed_at_exit(stack, burst.gateway())
        sender = _killed_at_exit(stack, burst.sender(deliveries, at_once))
        _until(lambda: len(ledger.deliveries()) >= len(genuine) // 3)
        _kill(prefect)
        _until(lambda: len(ledger.deliveries()) >= len(genuine) // 3 * 2)
        _kill(gateway)
        _killed_at_exit(stack, burst.gateway())
        _until(lambda: sender.poll() is not None)
        waiting = ledger.waiting_deliveries()
        _killed_at_exit(stack, burst.prefect())
        _until(lambda: not ledger.waiting_deliveries())
        sent = burst.sent()
        print(f"waited for Prefect: {waiting} of {len(starting)}; sent again without an answer: {sent['again']}")
        print(f"of GitHub's limit, answers took {sent['median']:.0%} (median) to {sent['slowest']:.0%} (slowest)")
        return _counts(deliveries, genuine, sent, ledger, burst.runs())


def _counts(
    deliveries: list[Sent], genuine: dict[str, Sent], sent: dict[str, Any], ledger: SqlLedger, runs: int
) -> dict[str, tuple[int, int]]:
    kinds = Counter(one.kind for one in deliveries)
    answers: Counter[str] = Counter(sent["answers"])
    starting = [one for one in genuine.values() if "alice/core" in one.body]
    by_state = Counter(each.state for each in ledger.deliveries())
    first = sum(count for answer, count in answers.items() if answer.endswith((": accepted", ": ignored")))
    known = sum(count for answer, count in answers.items() if answer.endswith(": known"))
    lost = len(genuine) - first  # stored, but the gateway was killed before it answered: "known" the next time
    expected = {f"{kind} refused as such": (kinds[kind], answers[f"{kind}: {kind}"]) for kind in REFUSED}
    return {
        "sent, and answered": (len(deliveries), sum(answers.values())),
        **expected,
        "redelivered or answered late, and known": (kinds["redelivery"] + lost, known),
        "genuine, and kept": (len(genuine), by_state.total()),
        "foreign, and ignored": (len(genuine) - len(starting), by_state[DeliveryState.IGNORED]),
        "to be started, and started": (len(starting), by_state[DeliveryState.STARTED]),
        "meanings, and flow runs": (len({key_of(one) for one in starting}), runs),
    }


def _killed_at_exit(stack: contextlib.ExitStack, process: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
    stack.callback(_kill, process)
    return process


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process at once, with every process that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("it took longer than anything here may take")
        time.sleep(0.1)


def _is_there(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, trust_env=False, timeout=5).is_success
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="burst-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def main() -> int:
    """Measure, and print the counts; 0 when they agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=5000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stand-in", action="store_true")
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    match options.role:
        case ["stand-in", file, port]:
            stand_in(Path(file), int(port))
            return 0
        case ["sender", file, url, at_once]:
            made = [Sent.model_validate(each) for each in json.loads(Path(file).read_text())]
            print(json.dumps(asyncio.run(send(url, made, int(at_once)))))
            return 0
    deliveries = plan(options.deliveries, options.seed)
    with _folder() as folder:
        found = measure(Burst(folder, is_real=not options.stand_in), deliveries, options.at_once)
    for what, (wanted, counted) in found.items():
        print(f"{'=' if wanted == counted else '!'} {what}: {wanted}, {counted}")
    return 0 if all(wanted == counted for wanted, counted in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
