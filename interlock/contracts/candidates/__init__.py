"""Candidates: a ref of a package, resolved, built once, and offered as if it were on the index."""

from interlock.contracts.candidates.build import build_and_offer, build_candidate
from interlock.contracts.candidates.context import CandidateBuilder
from interlock.contracts.candidates.overlay import Candidate, offer, withdraw
from interlock.contracts.candidates.refs import Kind, Ref, parse_ref
from interlock.contracts.candidates.resolve_ref import ResolvedRef, default_branch, find, merge_base, own_parent

__all__ = [
    "Candidate",
    "CandidateBuilder",
    "Kind",
    "Ref",
    "ResolvedRef",
    "build_and_offer",
    "build_candidate",
    "default_branch",
    "find",
    "merge_base",
    "offer",
    "own_parent",
    "parse_ref",
    "withdraw",
]
