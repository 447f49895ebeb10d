import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from interlock.common.tokens import DISPATCH, find, kind
from interlock.errors import TokenError

ALIASES = ("REPO_TOKEN", "OLD_TOKEN")
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


def test_the_name_goes_before_its_aliases_and_these_go_in_their_order() -> None:
    environ = {"OLD_TOKEN": "c", "REPO_TOKEN": "b", DISPATCH: "a"}
    names = []
    while found := find(DISPATCH, ALIASES, environ):
        names.append((found.name, found.token.get_secret_value()))
        del environ[found.name]
    assert names == [(DISPATCH, "a"), ("REPO_TOKEN", "b"), ("OLD_TOKEN", "c")]


def test_other_values_disagree_and_equal_ones_do_not() -> None:
    found = find(DISPATCH, ALIASES, {DISPATCH: "a", "REPO_TOKEN": "a\n", "OLD_TOKEN": "b", "UNASKED": "c"})
    assert found is not None
    assert found.disagreeing == ("OLD_TOKEN",)


@pytest.mark.parametrize("nothing", ["", " ", "\n"])
def test_a_variable_that_holds_nothing_is_absent(nothing: str) -> None:
    assert find(DISPATCH, ALIASES, {DISPATCH: nothing}) is None
    found = find(DISPATCH, ALIASES, {DISPATCH: nothing, "OLD_TOKEN": "b"})
    assert found is not None
    assert (found.name, found.disagreeing) == ("OLD_TOKEN", ())


@given(token=TOKENS, around=st.sampled_from(["", " ", "\n", "\r\n", "\t"]))
def test_whitespace_around_a_token_is_taken_away_and_said(token: str, around: str) -> None:
    found = find(DISPATCH, (), {DISPATCH: f"{around}{token}{around}"})
    assert found is not None
    assert (found.token.get_secret_value(), found.stripped) == (token, around != "")
    assert found.token.get_secret_value() not in repr(found).replace(DISPATCH, "") or len(token) < 12


@pytest.mark.parametrize("value", ["sec ret", "sec\nret", "sec\tret", "secrét", "sec\x00ret", "sec\u00a0ret"])
def test_what_cannot_be_a_token_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(TokenError, match=f"^{DISPATCH} holds no token") as caught:
        find(DISPATCH, ALIASES, {DISPATCH: value})
    assert "sec" not in str(caught.value)
    assert "ret" not in str(caught.value)


def test_an_alias_that_holds_no_token_disagrees_and_does_no_harm() -> None:
    found = find(DISPATCH, ALIASES, {DISPATCH: "a", "REPO_TOKEN": "b c"})
    assert found is not None
    assert found.disagreeing == ("REPO_TOKEN",)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("ghp_x", "classic personal access token"),
        ("github_pat_x", "fine-grained personal access token"),
        ("ghs_x", "app installation token"),
        ("0123456789abcdef", "token"),
    ],
)
def test_a_tokens_form_tells_its_kind(token: str, words: str) -> None:
    assert kind(SecretStr(token)) == words
    found = find(DISPATCH, (), {DISPATCH: token})
    assert found is not None
    assert found.kind == words
