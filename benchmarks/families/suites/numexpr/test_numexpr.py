"""An expression over arrays is evaluated."""

import numpy


def test_an_expression_is_evaluated():
    import numexpr

    a = numpy.arange(5)
    assert list(numexpr.evaluate("2 * a")) == [0, 2, 4, 6, 8]
