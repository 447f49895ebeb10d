"""Python that strangers wrote is parsed, whatever else this process parses at the same time."""

import ast
import gc

import pytest

from interlock.common.python_source import parse


def _parse_too(_phase: str, _info: object) -> None:
    ast.literal_eval("'linux'")


def test_a_parse_that_another_one_disturbs_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, attempts = ast.parse, []

    def disturbed(source: bytes) -> ast.Module:
        """The first time, another parse comes in between, in a collection: a thread may take over there."""
        monkeypatch.setattr(ast, "parse", parsed)
        attempts.append(source)
        threshold = gc.get_threshold()
        gc.callbacks.append(_parse_too)
        gc.set_threshold(10)
        try:
            return parsed(source)
        except SystemError:
            attempts.append(b"disturbed")
            raise
        finally:
            gc.callbacks.remove(_parse_too)
            gc.set_threshold(*threshold)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert len(parse(b"x = [1, (2, 3)]\n" * 500).body) == 500
    assert attempts[1:] == [b"disturbed"]
