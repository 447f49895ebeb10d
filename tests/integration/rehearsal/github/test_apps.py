from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from tests.support.judged_hub import CORE, PRIVATE, JudgedHub


@pytest.fixture
def hub(tmp_path: Path) -> JudgedHub:
    return JudgedHub(tmp_path / "github")


class TestSigning:
    def test_an_app_is_known_by_its_id_or_its_client_id(self, hub: JudgedHub) -> None:
        app, installation = hub.app()
        for issuer in (app.id, str(app.id), app.client_id):
            # The library insists on text where GitHub takes numbers.
            shown = hub.get("/app", token=hub.signed(app, iss=str(issuer)))
            assert (shown["slug"], shown["installations_count"]) == ("locker", 1)
        (known,) = hub.get("/app/installations", token=hub.signed(app))
        assert (known["id"], known["account"]["login"]) == (installation.id, "alice")
        assert hub.get(f"/app/installations/{installation.id}", token=hub.signed(app))["app_slug"] == "locker"
        hub.refused("GET", "/app/installations/1", 404, token=hub.signed(app))

    def test_ten_minutes_are_the_longest(self, hub: JudgedHub) -> None:
        app, _ = hub.app()
        now = int(hub.clock().timestamp())
        hub.get("/app", token=hub.signed(app, iat=now, exp=now + 600))
        for claims in ({"exp": now + 700}, {"iat": now - 600, "exp": now + 100}, {"iat": now + 55, "exp": now + 685}):
            said = hub.refused("GET", "/app", 401, token=hub.signed(app, **claims))
            assert said == "'Expiration time' claim ('exp') is too far in the future"

    @pytest.mark.parametrize(
        ("claims", "message"),
        [
            ({"exp": -100}, "'Expiration time' claim ('exp') must be a numeric value"),
            ({"iat": 200, "exp": 300}, "'Issued at' claim ('iat')"),
        ],
    )
    def test_what_is_out_of_its_time_is_refused(self, hub: JudgedHub, claims: dict[str, int], message: str) -> None:
        app, _ = hub.app()
        now = int(hub.clock().timestamp())
        moments = {name: now + seconds for name, seconds in claims.items()}
        assert message in hub.refused("GET", "/app", 401, token=hub.signed(app, **moments))

    def test_only_the_apps_own_signature_counts(self, hub: JudgedHub) -> None:
        app, _ = hub.app()
        now = int(hub.clock().timestamp())
        claims = {"iat": now, "exp": now + 60, "iss": str(app.id)}
        forged = (
            jwt.encode(claims, "a secret of thirty-two characters", algorithm="HS256"),
            hub.signed(app)[:-8] + "AAAAAAAA",
            "ey.ey.ey",
        )
        for text in forged:
            assert hub.refused("GET", "/app", 401, token=text) == "A JSON web token could not be decoded"

    def test_an_issuer_is_needed_and_must_be_known(self, hub: JudgedHub) -> None:
        app, _ = hub.app()
        now = int(hub.clock().timestamp())
        nameless = jwt.encode({"iat": now, "exp": now + 60}, PRIVATE, algorithm="RS256")
        assert "Missing 'issuer' claim" in hub.refused("GET", "/app", 401, token=nameless)
        assert hub.refused("GET", "/app", 404, token=hub.signed(app, iss="7")) == "Integration not found"

    def test_other_tokens_are_no_app_and_an_app_is_no_user(self, hub: JudgedHub) -> None:
        app, _ = hub.app()
        hub.refused("GET", "/app", 401)
        hub.refused("GET", "/app", 401, token=None)
        hub.refused("POST", f"{CORE}/dispatches", 403, {"event_type": "x"}, token=hub.signed(app))


class TestInstallationTokens:
    def test_a_token_is_for_an_hour_and_all_that_was_installed(self, hub: JudgedHub) -> None:
        app, installation = hub.app()
        made = hub.post(f"/app/installations/{installation.id}/access_tokens", token=hub.signed(app))
        assert made["expires_at"] == "2026-11-20T13:00:00Z"
        assert (made["permissions"]["contents"], made["repository_selection"]) == ("write", "all")
        hub.post(f"{CORE}/dispatches", {"event_type": "x"}, token=made["token"], status=204)
        hub.refused("POST", f"{CORE}/statuses/{hub.head}", 403, {"state": "success"}, token=made["token"])
        hub.clock.time += timedelta(hours=1)
        assert hub.refused("GET", CORE, 401, token=made["token"]) == "Bad credentials"

    def test_a_token_can_be_narrowed_but_not_widened(self, hub: JudgedHub) -> None:
        other = hub.add("alice/store", private=True)
        app, installation = hub.app()
        token = hub.installation_token(app, installation, repositories=["core"], permissions={"contents": "read"})
        reached = hub.get("/installation/repositories", token=token)
        assert (reached["total_count"], reached["repositories"][0]["full_name"]) == (1, "alice/core")
        hub.refused("GET", "/repos/alice/store", 404, token=token)
        hub.refused("POST", f"{CORE}/dispatches", 403, {"event_type": "x"}, token=token)
        by_id = hub.installation_token(app, installation, repository_ids=[other.id])
        hub.get("/repos/alice/store", token=by_id)
        path = f"/app/installations/{installation.id}/access_tokens"
        for wish in ({"permissions": {"statuses": "write"}}, {"repositories": ["gone"]}, {"repository_ids": [1]}):
            hub.refused("POST", path, 422, wish, token=hub.signed(app))

    def test_tokens_have_no_fixed_length(self, hub: JudgedHub) -> None:
        app, installation = hub.app()
        lengths = {len(hub.installation_token(app, installation)) for _ in range(6)}
        assert len(lengths) > 1

    def test_a_revoked_token_is_none(self, hub: JudgedHub) -> None:
        token = hub.installation_token(*hub.app())
        assert hub.ask("DELETE", "/installation/token", token=token).status_code == 204
        hub.refused("GET", "/installation/repositories", 401, token=token)

    def test_a_suspended_installation_gives_none(self, hub: JudgedHub) -> None:
        app, installation = hub.app()
        installation.suspended_at = hub.clock()
        path = f"/app/installations/{installation.id}/access_tokens"
        hub.refused("POST", path, 403, {}, token=hub.signed(app))
        assert hub.get(f"/app/installations/{installation.id}", token=hub.signed(app))["suspended_by"]

    def test_the_installation_of_a_repository(self, hub: JudgedHub) -> None:
        hub.add("bob/other")
        app, installation = hub.app()
        assert hub.get(f"{CORE}/installation", token=hub.signed(app))["id"] == installation.id
        hub.refused("GET", "/repos/bob/other/installation", 404, token=hub.signed(app))
        hub.refused("GET", "/repos/bob/gone/installation", 404, token=hub.signed(app))
        installation.repositories = ["alice/store"]
        hub.refused("GET", f"{CORE}/installation", 404, token=hub.signed(app))
