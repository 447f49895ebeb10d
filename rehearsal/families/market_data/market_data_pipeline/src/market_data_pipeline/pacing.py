"""A controller that lets so many items through a second."""

from market_data_core.protocols import RateController
from market_data_core.telemetry import RateAdjustment


class PacedController(RateController):
    """Keeps the pace as a number of items a second."""

    def __init__(self, full_speed: float) -> None:
        self._full_speed = full_speed
        self.rate = full_speed

    async def apply(self, adjustment: RateAdjustment) -> None:
        """Go at this pace from now on."""
        self.rate = self._full_speed * adjustment.scale
