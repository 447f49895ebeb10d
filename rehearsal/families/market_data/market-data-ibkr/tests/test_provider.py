import asyncio

from market_data_core.protocols import RateController
from market_data_core.telemetry import BackpressureLevel, RateAdjustment

from market_data_ibkr.provider import IbkrProvider


def slowed_down(provider):
    return RateAdjustment(provider=provider, scale=0.5, reason=BackpressureLevel.soft, ts=1.0)


def test_the_provider_is_a_controller_that_slows_down():
    provider = IbkrProvider()
    asyncio.run(provider.apply(slowed_down("ibkr")))
    assert isinstance(provider, RateController)
    assert provider.pace == 25.0


def test_what_is_meant_for_another_provider_changes_nothing():
    provider = IbkrProvider()
    asyncio.run(provider.apply(slowed_down("another")))
    assert provider.pace == 50.0
