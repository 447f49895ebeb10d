"""The effect of an upstream's change on its downstreams: verification, schemas, candidates, admission, bisection."""
