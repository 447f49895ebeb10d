"""What a change of an upstream does to its downstreams: verification, schemas, candidates, admission, bisection."""
