"""Which packages an extra alone brings: nothing else may be missing from an environment."""

import pytest

from interlock.matrix.optional_modules import brought_by_extras
from tests.support.matrix_values import a_wheel


@pytest.mark.parametrize(
    ("requires", "extras", "expected"),
    [
        (['grpcio; extra == "grpc"'], [], {"grpcio": "grpc"}),
        (["GRPC.io >=1 ; python_version >= '3' and extra == 'Grpc'"], [], {"grpc-io": "grpc"}),
        (['grpcio; extra == "grpc"'], ["GRPC"], {}),
        (['grpcio; extra == "grpc"', 'grpcio; extra == "all"'], ["all"], {}),
        (['grpcio; extra == "grpc"', "grpcio"], [], {}),
        (['grpcio; extra == "grpc"', 'grpcio; python_version < "3"'], [], {}),
        (['grpcio; extra == "grpc" or python_version >= "3"'], [], {}),
        (['pipe[grpc]; extra == "all"'], [], {}),
        (["grpcio"], [], {}),
    ],
)
def test_only_what_nothing_else_requires_is_optional(
    requires: list[str], extras: list[str], expected: dict[str, str]
) -> None:
    assert brought_by_extras(a_wheel("pipe", requires=tuple(requires)), extras) == expected
