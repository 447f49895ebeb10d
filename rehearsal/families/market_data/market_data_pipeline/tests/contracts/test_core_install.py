"""Core is installed, and has the names that pipeline is built on."""

import importlib
import importlib.metadata

NAMES = {
    "market_data_core.telemetry": ["BackpressureLevel", "FeedbackEvent", "RateAdjustment"],
    "market_data_core.protocols": ["FeedbackPublisher", "RateController"],
}


def test_core_is_installed_with_the_names_that_are_used_here():
    assert importlib.metadata.version("market-data-core")
    for module, names in NAMES.items():
        found = importlib.import_module(module)
        assert [name for name in names if not hasattr(found, name)] == []
