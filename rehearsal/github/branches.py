"""Branches, their protection and their rules."""

from typing import Any

from rehearsal.github.access import needs
from rehearsal.github.git_shapes import commit_shape, short_commit
from rehearsal.github.protection import HEADS, rulesets_for
from rehearsal.github.records import Protection, Ruleset
from rehearsal.github.refusals import Refusal, not_found
from rehearsal.github.shapes import html_url, node_id, repository_url, stamp
from rehearsal.github.web import Answer, Call, Routes

routes = Routes()
READ = needs("contents")


@routes.get("/repos/{owner}/{repo}/branches", READ)
def branches(call: Call) -> Answer:
    """All branches, or the protected ones."""
    found = call.git.refs(HEADS)
    only = call.query.get("protected") == "true"
    names = [ref.removeprefix(HEADS) for ref in found]
    kept = [name for name in names if not only or name in call.repo.protections]
    return call.page(kept, lambda name: _short(call, name, found[HEADS + name]))


def _short(call: Call, name: str, sha: str) -> dict[str, Any]:
    commit = short_commit(call.state, call.repo, sha)
    return {"name": name, "commit": commit, "protected": name in call.repo.protections}


@routes.get("/repos/{owner}/{repo}/branches/{branch:path}/protection", needs("administration", role="admin"))
def protection(call: Call) -> Answer:
    """The protection of a branch, for admins."""
    name = call.arguments["branch"]
    _sha(call, name)
    if name not in call.repo.protections:
        raise Refusal(404, "Branch not protected")
    return Answer(_protection(call, name, call.repo.protections[name]))


@routes.get("/repos/{owner}/{repo}/branches/{branch:path}", READ)
def branch(call: Call) -> Answer:
    """A branch; of its protection, only the required checks."""
    name = call.arguments["branch"]
    sha = _sha(call, name)
    found = call.repo.protections.get(name)
    address = f"{repository_url(call.state, call.repo)}/branches/{name}"
    checks = found.checks if found else ()
    return Answer(
        {
            "name": name,
            "commit": commit_shape(call.state, call.repo, call.git.commit(sha)),
            "_links": {"self": address, "html": f"{html_url(call.state, call.repo)}/tree/{name}"},
            "protected": found is not None,
            "protection": {
                "enabled": found is not None,
                "required_status_checks": {
                    "enforcement_level": "everyone" if checks else "off",
                    "contexts": list(checks),
                    "checks": _checks(checks),
                },
            },
            "protection_url": f"{address}/protection",
        }
    )


def _checks(checks: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"context": check, "app_id": None} for check in checks]


def _sha(call: Call, name: str) -> str:
    sha = call.git.ref(HEADS + name)
    if sha is None:
        raise Refusal(404, "Branch not found")
    return sha


def _protection(call: Call, name: str, found: Protection) -> dict[str, Any]:
    url = f"{repository_url(call.state, call.repo)}/branches/{name}/protection"
    switches = {
        "required_linear_history": found.linear,
        "allow_force_pushes": found.force_pushes,
        "allow_deletions": found.deletions,
        "block_creations": False,
        "required_conversation_resolution": False,
        "lock_branch": False,
        "allow_fork_syncing": False,
    }
    shown: dict[str, Any] = {
        "url": url,
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": found.signatures},
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": found.admins},
        **{switch: {"enabled": value} for switch, value in switches.items()},
    }
    if found.checks:
        shown["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": found.strict,
            "contexts": list(found.checks),
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": _checks(found.checks),
        }
    if found.pull_request:
        shown["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "require_last_push_approval": False,
            "required_approving_review_count": found.approvals,
        }
    return shown


@routes.get("/repos/{owner}/{repo}/rules/branches/{branch:path}", needs("metadata"))
def rules(call: Call) -> Answer:
    """The rules of all rulesets that bind a branch, which need not exist."""
    source = {"ruleset_source_type": "Repository", "ruleset_source": call.repo.full_name}
    found = [
        {**rule, **source, "ruleset_id": ruleset.id}
        for ruleset in rulesets_for(call.repo, HEADS + call.arguments["branch"])
        for rule in ruleset.rules
    ]
    return call.page(found, lambda rule: rule)


@routes.get("/repos/{owner}/{repo}/rulesets/{ruleset:int}", needs("metadata"))
def ruleset(call: Call) -> Answer:
    """A ruleset, and for signed-in callers whether it binds them."""
    for known in call.repo.rulesets:
        if known.id == call.arguments["ruleset"]:
            return Answer(_ruleset(call, known))
    raise not_found()


def _ruleset(call: Call, found: Ruleset) -> dict[str, Any]:
    name = f"rulesets/{found.id}"
    login = call.token.login if call.token else None
    bypass = {"current_user_can_bypass": "always" if login in found.bypass else "never"} if login else {}
    return {
        "id": found.id,
        "name": found.name,
        "target": found.target,
        "source_type": "Repository",
        "source": call.repo.full_name,
        "enforcement": "active",
        "node_id": node_id("RepositoryRuleset", found.id),
        "_links": {
            "self": {"href": f"{repository_url(call.state, call.repo)}/{name}"},
            "html": {"href": f"{html_url(call.state, call.repo)}/rules/{found.id}"},
        },
        "conditions": {"ref_name": {"include": list(found.include), "exclude": []}},
        "rules": list(found.rules),
        "created_at": stamp(call.repo.created_at),
        "updated_at": stamp(call.repo.created_at),
        **bypass,
    }
