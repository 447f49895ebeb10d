from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rehearsal.fault_proxy import FaultProxy, RequestLog
from rehearsal.faults import FaultScript
from rehearsal.index import IndexStore, Switches, index_app
from tests.support.running_index import Running, allow
from tests.support.universe import make_sdist, make_wheel
from tests.support.universe.served import Served


@pytest.fixture
def faults() -> FaultScript:
    return FaultScript()


@pytest.fixture
def index(tmp_path: Path, faults: FaultScript) -> Iterator[Running]:
    store, switches, log = IndexStore(tmp_path / "index"), Switches(), RequestLog()
    allow(store)
    front = FaultProxy(index_app(store, switches), origin="index", faults=faults, log=log)
    with Served(front) as served, httpx.Client(verify=False) as client:  # a certificate store takes long to be read
        yield Running(store=store, switches=switches, log=log, url=served.url, client=client)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "dist", "core", "1.0", files={"core.py": "x = 1"}, requires_python=">=3.8")


@pytest.fixture
def sdist(tmp_path: Path) -> Path:
    return make_sdist(tmp_path / "dist", "core", "1.0", {"core.py": "x = 1"})
