"""What a user sees of an error: never a traceback."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.exceptions import TerminationSignal

from deployments.cli import main
from interlock.errors import IndexUnavailableError, InterlockError


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """The handler of SIGTERM is this process's own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def _run(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def app() -> None:
        raise error

    monkeypatch.setattr(main, "app", app)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_foreseen_error_is_a_message_with_its_cure_and_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _run(monkeypatch, IndexUnavailableError("PyPI [did] not answer", hint="check the network"))
    assert code == IndexUnavailableError.exit_code
    assert capsys.readouterr().err == "error: PyPI [did] not answer\n  check the network\n"


def test_an_error_without_a_hint_is_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(monkeypatch, IndexUnavailableError("no answer"))
    assert capsys.readouterr().err == "error: no answer\n"


def test_a_defect_keeps_its_traceback_in_a_file_and_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _run(monkeypatch, ZeroDivisionError("secret"))
    said = capsys.readouterr().err
    assert code == InterlockError.exit_code
    assert "Traceback" not in said
    assert "secret" not in said
    (file,) = re.findall(r"report it with (\S+)", said)
    assert "ZeroDivisionError: secret" in Path(file).read_text()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(main.INTERRUPTED), TerminationSignal(15)])
def test_an_interruption_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], interruption: BaseException
) -> None:
    assert _run(monkeypatch, interruption) == main.INTERRUPTED
    assert "the same command goes on from there" in capsys.readouterr().err


def test_sigterm_is_an_interruption_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(main, "app", lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit, match=str(main.INTERRUPTED)):
        main.main()
    assert capsys.readouterr().err.startswith("interrupted: ")


def test_any_other_end_says_nothing_more(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, SystemExit(2)) == 2
    assert capsys.readouterr().err == ""
