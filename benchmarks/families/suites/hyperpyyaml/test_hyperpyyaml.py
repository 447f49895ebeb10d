"""A reference is resolved."""

from hyperpyyaml import load_hyperpyyaml


def test_a_reference_is_resolved():
    assert load_hyperpyyaml("a: 1\nb: !ref <a>\n") == {"a": 1, "b": 1}
