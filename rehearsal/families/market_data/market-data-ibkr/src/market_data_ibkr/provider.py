"""The provider: requests at a pace that others set."""

from market_data_core.protocols import RateController
from market_data_core.telemetry import RateAdjustment

REQUESTS_A_SECOND = 50.0


class IbkrProvider(RateController):
    """Paces its requests to the broker."""

    def __init__(self, name: str = "ibkr") -> None:
        self.name = name
        self.pace = REQUESTS_A_SECOND

    async def apply(self, adjustment: RateAdjustment) -> None:
        """Go at this pace from now on; adjustments of other providers are not for this one."""
        if adjustment.provider == self.name:
            self.pace = REQUESTS_A_SECOND * adjustment.scale
