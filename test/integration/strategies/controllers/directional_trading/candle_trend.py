"""A directional trader on Hummingbot's base: follows the candles of the last hours with positions at market."""
from typing import List

from pydantic import Field

from hummingbot.data_feed.candles_feed.data_types import CandlesConfig
from hummingbot.strategy_v2.controllers.directional_trading_controller_base import (
    DirectionalTradingControllerBase,
    DirectionalTradingControllerConfigBase,
)


class CandleTrendConfig(DirectionalTradingControllerConfigBase):
    controller_name: str = "candle_trend"
    interval: str = Field(default="5m")
    candles: int = Field(default=50)


class CandleTrend(DirectionalTradingControllerBase):
    def get_candles_config(self) -> List[CandlesConfig]:
        return [CandlesConfig(connector=self.config.connector_name, trading_pair=self.config.trading_pair,
                              interval=self.config.interval, max_records=self.config.candles)]

    async def update_processed_data(self):
        candles = self.market_data_provider.get_candles_df(
            self.config.connector_name, self.config.trading_pair, self.config.interval, self.config.candles)
        average = candles["close"].mean()
        self.processed_data = {"signal": 1 if candles["close"].iloc[-1] >= average else -1, "features": candles}
