"""The judge must itself be right: it accepts what GitHub documents, and complains of everything else."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.openapi import Judge, OpenApiOracle, UnfaithfulError, checked_async_client, official
from tests.support.openapi.oracle import FAULT
from tests.support.openapi.schemas import json_schema
from tests.support.openapi.slice import cut, operations, webhooks

JSON = {"content-type": "application/json; charset=utf-8"}
REFUSED = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}
REF = {
    "ref": "refs/heads/main",
    "node_id": "MDM6UmVmcmVmcy9oZWFkcy9mZWF0dXJlQQ==",
    "url": "https://api.github.com/repos/octocat/hello/git/refs/heads/main",
    "object": {
        "type": "commit",
        "sha": "aa218f56b14c9653891f9e74264a383fa43fefbd",
        "url": "https://api.github.com/repos/octocat/hello/git/commits/aa218f56b14c9653891f9e74264a383fa43fefbd",
    },
}


def _check(method: str, path: str, status: int, value: object, headers: dict[str, str] = JSON) -> None:
    official().check(method, path, status, headers, b"" if value is None else json.dumps(value).encode())


def _without(field: str) -> dict[str, Any]:
    return {key: value for key, value in REF.items() if key != field}


class TestOperations:
    @pytest.mark.parametrize(
        ("method", "path", "operation"),
        [
            ("GET", "/repos/o/r/contents/.github/workflows/x.yml", "/repos/{owner}/{repo}/contents/{path}"),
            ("GET", "/repos/o/r/contents/", "/repos/{owner}/{repo}/contents/{path}"),
            ("GET", "/repos/o/r/contents", "/repos/{owner}/{repo}/contents/{path}"),
            ("GET", "/repos/o/r/releases/latest", "/repos/{owner}/{repo}/releases/latest"),
            ("GET", "/repos/o/r/releases/7", "/repos/{owner}/{repo}/releases/{release_id}"),
            ("GET", "/repos/o/r/releases/tags/v1/x", "/repos/{owner}/{repo}/releases/tags/{tag}"),
            ("GET", "/repos/o/r/commits/a/b/status", "/repos/{owner}/{repo}/commits/{ref}/status"),
            ("GET", "/repos/o/r/commits/a/b", "/repos/{owner}/{repo}/commits/{ref}"),
            ("DELETE", "/repos/o/r/git/refs/tags/v1", "/repos/{owner}/{repo}/git/refs/{ref}"),
            ("HEAD", "/repos/o/r", "/repos/{owner}/{repo}"),
            ("POST", "/repos/o/r/issues/1/comments", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
            ("PATCH", "/repos/o/r/issues/comments/1", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
        ],
    )
    def test_a_path_is_the_most_literal_operation_that_fits(self, method: str, path: str, operation: str) -> None:
        assert official().operation(method, path)[1] == operation

    @pytest.mark.parametrize(("method", "path"), [("GET", "/repos/o"), ("DELETE", "/repos/o/r"), ("GET", "/nothing")])
    def test_what_the_slice_does_not_have_is_a_failure(self, method: str, path: str) -> None:
        with pytest.raises(UnfaithfulError, match="not an operation of the slice"):
            _check(method, path, 200, {})

    def test_the_slice_has_every_operation_that_it_lists_and_no_other(self) -> None:
        paths = official()._document["paths"]
        assert sorted((m.upper(), p) for p, methods in paths.items() for m in methods) == sorted(operations())


class TestAnswers:
    def test_an_answer_as_documented_passes(self) -> None:
        _check("GET", "/repos/o/r/git/ref/heads/main", 200, REF)

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (_without("object"), "'object' is a required property"),
            ({**REF, "sha": "abc"}, "'sha' was unexpected"),
            ({**REF, "ref": None}, "None is not of type 'string'"),
            ({**REF, "url": "/repos/o/r"}, "is not a 'uri'"),
            ({**REF, "object": {**REF["object"], "sha": "short"}}, "'short' is too short"),  # type: ignore[dict-item]
            ([REF], "is not of type 'object'"),
        ],
    )
    def test_an_answer_of_another_shape_is_a_failure_that_names_the_field(self, value: object, reason: str) -> None:
        with pytest.raises(UnfaithfulError, match=r"GET /repos/o/r/git/ref/heads/main: 200") as failed:
            _check("GET", "/repos/o/r/git/ref/heads/main", 200, value)
        assert reason in str(failed.value)

    @pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429])
    def test_refusals_that_the_description_leaves_out_must_be_basic_errors(self, status: int) -> None:
        _check("GET", "/repos/o/r/git/ref/heads/main", status, REFUSED)
        with pytest.raises(UnfaithfulError, match="documentation_url"):
            _check("DELETE", "/repos/o/r/releases/1", status, {"message": "no"})

    @pytest.mark.parametrize("status", [201, 400, 418, 500])
    def test_any_other_undocumented_status_is_a_failure(self, status: int) -> None:
        with pytest.raises(UnfaithfulError, match="does not document this status"):
            _check("GET", "/repos/o/r/git/ref/heads/main", status, REF)

    def test_an_answer_without_a_body_must_have_none(self) -> None:
        _check("POST", "/repos/o/r/dispatches", 204, None)
        with pytest.raises(UnfaithfulError, match="has a body"):
            _check("POST", "/repos/o/r/dispatches", 204, {})

    def test_what_is_not_json_or_does_not_say_so_is_a_failure(self) -> None:
        with pytest.raises(UnfaithfulError, match="not application/json"):
            _check("GET", "/repos/o/r/git/ref/heads/main", 200, REF, {"content-type": "text/html"})
        with pytest.raises(UnfaithfulError, match="is not JSON"):
            official().check("GET", "/repos/o/r/git/ref/heads/main", 200, JSON, b"<html>")

    def test_a_raw_file_is_passed_where_one_can_be_asked_for(self) -> None:
        octets = {"content-type": "application/octet-stream"}
        official().check("GET", "/repos/o/r/releases/assets/1", 200, octets, b"PK")
        with pytest.raises(UnfaithfulError):
            official().check("GET", "/repos/o/r/releases/1", 200, octets, b"PK")

    def test_a_fault_that_was_asked_for_claims_nothing(self) -> None:
        _check("GET", "/repos/o/r", 502, {"message": FAULT})

    def test_times_need_their_zone_and_mail_its_at(self) -> None:
        schema = {"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}}}
        mail = {"type": "object", "properties": {"mail": {"type": "string", "format": "email"}}}
        oracle = _oracle_for({"anyOf": [schema, mail]})
        oracle.check("GET", "/x", 200, JSON, b'{"when": "2026-11-20T13:00:00Z"}')
        oracle.check("GET", "/x", 200, JSON, b'{"mail": "a@example.com"}')
        for wrong in ({"when": "2026-11-20T13:00:00"}, {"when": "2026-11-20"}, {"when": "soon"}, {"mail": "a"}):
            with pytest.raises(UnfaithfulError):
                oracle.check("GET", "/x", 200, JSON, json.dumps(wrong).encode())


class TestRequests:
    def test_a_request_as_documented_passes_and_another_does_not(self) -> None:
        path = "/repos/o/r/dispatches"
        official().check_request("POST", path, b'{"event_type": "core_release", "client_payload": {"version": "1"}}')
        official().check_request("GET", "/repos/o/r", b"")
        for body in (b"{}", b"", b'{"event_type": ""}', b'{"event_type": "x", "payload": {}}'):
            with pytest.raises(UnfaithfulError):
                official().check_request("POST", path, body)


def _oracle_for(schema: dict[str, Any]) -> OpenApiOracle:
    answers = {"200": {"content": {"application/json": {"schema": schema}}}}
    components = {"schemas": {"basic-error": {"type": "object"}, "base": {"properties": {"a": {"type": "string"}}}}}
    return OpenApiOracle({"paths": {"/x": {"get": {"responses": answers}}}, "components": components})


class TestSchemas:
    @pytest.mark.parametrize(
        ("schema", "fine", "wrong"),
        [
            ({"type": "string", "nullable": True}, None, 1),
            ({"type": "string", "enum": ["a"], "nullable": True}, None, "b"),
            ({"nullable": True, "allOf": [{"$ref": "#/components/schemas/base"}]}, None, {"a": 1}),
            ({"nullable": True, "oneOf": [{"type": "string"}, {"type": "integer"}]}, None, []),
            ({"type": "string"}, "", None),
            ({"properties": {"nullable": {"type": "string"}}}, {"nullable": "x"}, {"nullable": None}),
            ({"properties": {"b": {}}, "additionalProperties": {"type": "string"}}, {"c": "x"}, {"c": 1}),
            ({"type": "array", "items": {"type": "string", "nullable": True}}, ["a", None], [1]),
        ],
    )
    def test_openapi_30_is_read_as_it_is_meant(self, schema: dict[str, Any], fine: object, wrong: object) -> None:
        _oracle_for(schema).check("GET", "/x", 200, JSON, json.dumps(fine).encode())
        with pytest.raises(UnfaithfulError):
            _oracle_for(schema).check("GET", "/x", 200, JSON, json.dumps(wrong).encode())

    def test_what_is_composed_is_closed_as_a_whole(self) -> None:
        oracle = _oracle_for({"allOf": [{"$ref": "#/components/schemas/base"}], "properties": {"b": {}}})
        oracle.check("GET", "/x", 200, JSON, b'{"a": "1", "b": 2}')
        with pytest.raises(UnfaithfulError, match="'c' was unexpected"):
            oracle.check("GET", "/x", 200, JSON, b'{"a": "1", "b": 2, "c": 3}')

    def test_parts_of_a_composition_are_open(self) -> None:
        assert json_schema({"properties": {}}, is_open=True) == {"properties": {}}
        assert json_schema({"properties": {}}) == {"properties": {}, "unevaluatedProperties": False}


class TestCutting:
    def test_a_slice_holds_all_components_that_it_refers_to_and_no_prose(self) -> None:
        schemas = {
            "used": {"description": "prose", "properties": {"description": {"$ref": "#/components/schemas/deeper"}}},
            "deeper": {"type": "string", "example": "x", "x-note": 1},
            "basic-error": {"type": "object"},
            "unused": {},
        }
        ok = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/used"}}}, "description": "ok"}
        paths: dict[str, Any] = {}
        for method, path in operations():
            paths.setdefault(path, {})[method.lower()] = {"operationId": "it", "responses": {"200": ok}, "tags": ["t"]}
        info = {"version": "1", "license": {"name": "MIT"}}
        hook = {"post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}}
        hooks = dict.fromkeys(webhooks(), hook)
        components = {"schemas": schemas}
        made = cut({"openapi": "3", "info": info, "paths": paths, "components": components, "x-webhooks": hooks})
        assert made["components"]["schemas"] == {
            "basic-error": {"type": "object"},
            "deeper": {"type": "string"},
            "used": {"properties": {"description": {"$ref": "#/components/schemas/deeper"}}},
        }
        assert made["paths"]["/app"]["get"]["responses"]["200"] == {"content": ok["content"]}

    def test_the_slice_says_what_it_was_cut_from(self) -> None:
        assert official()._document["info"] == {
            "version": "23.0.2",
            "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT"},
        }


async def _answer(request: Request) -> Response:
    return JSONResponse(_without("url") if request.query_params.get("wrong") else REF)


API = Starlette(routes=[Route("/repos/o/r/git/ref/heads/main", _answer), Route("/graphql", _answer)])


class TestJudging:
    def test_a_judge_before_an_application_collects_its_complaints_and_stops_nothing(self) -> None:
        judge = Judge(API)

        async def run() -> None:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(judge), base_url="http://api") as client:
                assert (await client.get("/repos/o/r/git/ref/heads/main")).status_code == 200
                assert (judge.complaints, judge.answers) == ([], 1)
                assert (await client.get("/repos/o/r/git/ref/heads/main?wrong=1")).json()["ref"] == "refs/heads/main"
                assert (await client.get("/graphql?wrong=1")).status_code == 200

        asyncio.run(run())
        assert len(judge.complaints) == 1
        assert "'url' is a required property" in judge.complaints[0]

    def test_a_checked_client_fails_on_what_github_would_not_answer(self) -> None:
        async def run() -> None:
            transport = httpx.ASGITransport(API)
            async with checked_async_client("http://api", "token", transport=transport) as client:
                answer = await client.get("/repos/o/r/git/ref/heads/main")
                assert answer.request.headers["authorization"] == "Bearer token"
                await client.get("/graphql")
                with pytest.raises(UnfaithfulError):
                    await client.get("/repos/o/r/git/ref/heads/main?wrong=1")

        asyncio.run(run())
