import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from interlock.errors import TokenError
from interlock.webhooks import (
    DeliveryRefusedError,
    Reason,
    Secrets,
    Source,
    check,
    check_repository,
    dated,
    find_secrets,
    read_signature,
    read_time,
)
from interlock.webhooks.signature import sign
from tests.support.release_values import NOON
from tests.support.webhook_values import OTHERS, SECRETS

# https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
KNOWN = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
LONG = "0123456789abcdef"


def refusal(headers: dict[str, str]) -> Reason:
    with pytest.raises(DeliveryRefusedError) as caught:
        read_signature(headers)
    assert caught.value.hint
    return caught.value.reason


def signer(source: Source, signature: str, message: bytes, secrets: Secrets = SECRETS) -> str | None:
    return check(secrets, source, ("alice/core", "alice/store"), signature, message)


def is_forged(source: Source, signature: str, message: bytes, secrets: Secrets = SECRETS) -> bool:
    try:
        signer(source, signature, message, secrets)
    except DeliveryRefusedError as refused:
        return refused.reason is Reason.FORGED
    return False


def test_githubs_own_known_answer_is_ours() -> None:
    assert sign(SECRETS.current, b"Hello, World!") == KNOWN
    assert signer(Source.GITHUB, KNOWN, b"Hello, World!") is None


def test_a_signature_is_of_every_byte_of_the_body() -> None:
    for other in (b"Hello, World", b"hello, World!", b"Hello, World!\n", b""):
        assert is_forged(Source.GITHUB, KNOWN, other)


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("repository", ["alice/core", "alice/store"])
def test_a_repository_has_a_secret_of_its_own_for_each_door(source: Source, repository: str) -> None:
    signature = sign(SECRETS.derived(source, repository), b"x")
    assert signer(source, signature, b"x") == repository
    (other,) = set(Source) - {source}
    assert is_forged(other, signature, b"x")
    assert is_forged(source, signature, b"x", OTHERS)
    assert SECRETS.derived(source, repository) == SECRETS.derived(source, repository.title())


def test_derived_secrets_stay_the_same_or_every_webhook_must_be_given_another() -> None:
    # printf 'interlock webhook secret 1\ngithub\nalice/core' | openssl dgst -sha256 -hmac "$SECRET"
    known = "2f5f596806f2445a", "67e9e6e40bd4dfa9"
    found = [SECRETS.derived(source, "alice/core").get_secret_value() for source in Source]
    assert tuple(each[:16] for each in found) == known
    assert {len(each) for each in found} == {64}


def test_the_master_secret_is_for_apps_and_not_for_workflows() -> None:
    assert is_forged(Source.SIGNED, KNOWN, b"Hello, World!")


def test_a_repositorys_secret_says_nothing_about_another_repository() -> None:
    for signed_by, named in ((None, "alice/store"), ("alice/core", "Alice/Core"), ("alice/core", None)):
        check_repository(signed_by, named)
    with pytest.raises(DeliveryRefusedError) as caught:
        check_repository("alice/core", "alice/store")
    assert caught.value.reason is Reason.FOREIGN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, Reason.UNDATED),
        ("", Reason.UNDATED),
        ("now", Reason.UNDATED),
        ("-1", Reason.UNDATED),
        ("1e3", Reason.UNDATED),
        ("9" * 13, Reason.UNDATED),
        ("\u0661\u0662", Reason.UNDATED),
        ("0", Reason.STALE),
        (f"{NOON.timestamp() - 301:.0f}", Reason.STALE),
        (f"{NOON.timestamp() + 301:.0f}", Reason.STALE),
        (f"{NOON.timestamp() - 300:.0f}", None),
        (f"{NOON.timestamp() + 300:.0f}", None),
    ],
)
def test_a_plain_post_says_when_it_was_signed(text: str | None, reason: Reason | None) -> None:
    headers = {} if text is None else {"x-interlock-timestamp": text}
    if reason is None:
        assert read_time(headers, NOON) == text
        return
    with pytest.raises(DeliveryRefusedError) as caught:
        read_time(headers, NOON)
    assert (caught.value.reason, bool(caught.value.hint)) == (reason, True)


def test_the_time_is_part_of_what_is_signed() -> None:
    signature = sign(SECRETS.derived(Source.SIGNED, "alice/core"), dated("1700000000", b"x"))
    assert signer(Source.SIGNED, signature, dated("1700000000", b"x")) == "alice/core"
    assert is_forged(Source.SIGNED, signature, dated("1700000001", b"x"))


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


def test_two_master_secrets_count_at_once_and_no_third() -> None:
    both = Secrets(current=SecretStr(f"{LONG}-new"), previous=SECRETS.current)
    for one in (both, SECRETS):
        assert signer(Source.GITHUB, sign(one.current, b"x"), b"x", both) is None
        for source in Source:
            own = sign(one.derived(source, "alice/store"), b"x")
            assert signer(source, own, b"x", both) == "alice/store"
    assert is_forged(Source.GITHUB, sign(OTHERS.current, b"x"), b"x", both)
    assert is_forged(Source.GITHUB, sign(both.current, b"x"), b"x")


@given(body=st.binary(max_size=200), signature=st.text(max_size=80), source=st.sampled_from(Source))
def test_no_guess_is_a_signature(body: bytes, signature: str, source: Source) -> None:
    assert is_forged(source, signature, body)


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
