"""Core's types and protocols are shaped as pipeline uses them."""

import inspect

import pytest
from market_data_core.protocols import FeedbackPublisher, RateController
from market_data_core.telemetry import BackpressureLevel, FeedbackEvent, RateAdjustment
from pydantic import ValidationError

from market_data_pipeline.feedback import FeedbackBus
from market_data_pipeline.pacing import PacedController

EVENT = {"coordinator_id": "bars", "queue_size": 1, "capacity": 2, "level": "ok", "ts": 3.0}
ADJUSTMENT = {"provider": "ibkr", "scale": 0.5, "reason": "soft", "ts": 3.0}


def test_levels_have_the_values_that_are_sent():
    assert {level.name: level.value for level in BackpressureLevel} == {
        "ok": "ok",
        "soft": "soft",
        "hard": "hard",
    }


def test_messages_have_the_fields_that_are_read():
    assert {"source", *EVENT} <= set(FeedbackEvent.model_fields)
    assert set(ADJUSTMENT) <= set(RateAdjustment.model_fields)
    assert FeedbackEvent(**EVENT).source == "store"


def test_what_must_be_said_is_required():
    for model, fields in ((FeedbackEvent, EVENT), (RateAdjustment, ADJUSTMENT)):
        for name in fields:
            with pytest.raises(ValidationError):
                model(**{other: fields[other] for other in fields if other != name})


def test_implementations_here_conform_and_have_the_signatures():
    assert isinstance(FeedbackBus(), FeedbackPublisher)
    assert isinstance(PacedController(1.0), RateController)
    for method, argument in (
        (FeedbackPublisher.publish, "event"),
        (RateController.apply, "adjustment"),
    ):
        assert list(inspect.signature(method).parameters) == ["self", argument]
        assert inspect.iscoroutinefunction(method)


@pytest.mark.asyncio
async def test_publishing_and_applying_can_be_awaited_and_return_nothing():
    heard = []

    async def hear(event):
        heard.append(event)

    bus, event = FeedbackBus(), FeedbackEvent(**EVENT)
    bus.subscribe(hear)
    assert await bus.publish(event) is None
    assert heard == [event]
    assert await PacedController(1.0).apply(RateAdjustment(**ADJUSTMENT)) is None
