import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from interlock.errors import TokenError
from interlock.webhooks import DeliveryRefusedError, Reason, Secrets, check, find_secrets, read_signature
from tests.support.webhook_values import OTHERS, SECRETS

# https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
KNOWN = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
LONG = "0123456789abcdef"


def refusal(headers: dict[str, str]) -> Reason:
    with pytest.raises(DeliveryRefusedError) as caught:
        read_signature(headers)
    assert caught.value.hint
    return caught.value.reason


def test_githubs_own_known_answer_is_ours() -> None:
    assert SECRETS.sign(b"Hello, World!") == KNOWN
    check(SECRETS, KNOWN, b"Hello, World!")


def test_a_signature_is_of_every_byte_of_the_body() -> None:
    for other in (b"Hello, World", b"hello, World!", b"Hello, World!\n", b""):
        with pytest.raises(DeliveryRefusedError) as caught:
            check(SECRETS, KNOWN, other)
        assert caught.value.reason is Reason.FORGED


def test_no_signature_and_one_by_sha_1_alone_are_refused() -> None:
    old = hmac.new(b"It's a Secret to Everybody", b"Hello, World!", hashlib.sha1).hexdigest()
    assert refusal({}) is Reason.UNSIGNED
    assert refusal({"x-hub-signature-256": ""}) is Reason.UNSIGNED
    assert refusal({"x-hub-signature": f"sha1={old}"}) is Reason.SHA1_ONLY
    assert read_signature({"x-hub-signature": f"sha1={old}", "x-hub-signature-256": KNOWN}) == KNOWN


@pytest.mark.parametrize(
    "given_as",
    [KNOWN.upper(), KNOWN[:-1], f"{KNOWN} ", f"{KNOWN}\n", KNOWN.replace("sha256", "sha1"), "sha256=", "é" * 71],
)
def test_what_cannot_be_a_signature_is_a_forgery(given_as: str) -> None:
    assert refusal({"x-hub-signature-256": given_as}) is Reason.FORGED


def test_two_secrets_count_at_once_and_no_third() -> None:
    both = Secrets(current=SecretStr(f"{LONG}-new"), previous=SECRETS.current)
    check(both, both.sign(b"x"), b"x")
    check(both, SECRETS.sign(b"x"), b"x")
    assert both.sign(b"x") != SECRETS.sign(b"x")
    assert not both.have_signed(OTHERS.sign(b"x"), b"x")
    assert not SECRETS.have_signed(both.sign(b"x"), b"x")


@given(body=st.binary(max_size=200), signature=st.text(max_size=80))
def test_no_guess_is_a_signature(body: bytes, signature: str) -> None:
    assert SECRETS.have_signed(SECRETS.sign(body), body)
    assert not SECRETS.have_signed(signature, body)


def test_the_secrets_are_those_of_the_environment() -> None:
    assert find_secrets({}) is None
    assert find_secrets({"INTERLOCK_WEBHOOK_SECRET": "  "}) is None
    found = find_secrets({"INTERLOCK_WEBHOOK_SECRET": f" {LONG}\n"})
    assert found is not None
    assert (found.current.get_secret_value(), found.previous) == (LONG, None)
    both = find_secrets({"INTERLOCK_WEBHOOK_SECRET": LONG, "INTERLOCK_WEBHOOK_SECRET_OLD": f"{LONG}!"})
    assert both is not None
    assert both.previous is not None
    assert both.previous.get_secret_value() == f"{LONG}!"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"INTERLOCK_WEBHOOK_SECRET": LONG[1:]}, "INTERLOCK_WEBHOOK_SECRET is too short"),
        ({"INTERLOCK_WEBHOOK_SECRET": LONG, "INTERLOCK_WEBHOOK_SECRET_OLD": "hush"}, "SECRET_OLD is too short"),
        ({"INTERLOCK_WEBHOOK_SECRET_OLD": LONG}, "INTERLOCK_WEBHOOK_SECRET_OLD is set, and"),
    ],
)
def test_what_is_no_secret_is_refused_with_the_cure_and_not_shown(environ: dict[str, str], words: str) -> None:
    with pytest.raises(TokenError, match=words) as caught:
        find_secrets(environ)
    assert "openssl rand -hex 32" in str(caught.value.hint)
    assert not [value for value in environ.values() if value in str(caught.value)]


def test_secrets_are_not_in_what_is_shown_of_them() -> None:
    assert "Everybody" not in f"{SECRETS!r} {SECRETS} {SECRETS.model_dump_json()}"
