"""What is on no index yet: a ref of a package, found, built once, and offered to whoever asks the index."""

from interlock.candidates.finding import Found, default_branch, find, merge_base
from interlock.candidates.making import build_and_offer, build_candidate
from interlock.candidates.offering import offer, withdraw
from interlock.candidates.refs import Kind, Ref, parse_ref
from interlock.candidates.values import Candidate
from interlock.candidates.workshop import CandidateBuilder

__all__ = [
    "Candidate",
    "CandidateBuilder",
    "Found",
    "Kind",
    "Ref",
    "build_and_offer",
    "build_candidate",
    "default_branch",
    "find",
    "merge_base",
    "offer",
    "parse_ref",
    "withdraw",
]
