from hummingbot.data_feed.candles_feed.valr_spot_candles.valr_spot_candles import (
    ValrSimulatorSpotCandles,
    ValrSpotCandles,
)

__all__ = ["ValrSimulatorSpotCandles", "ValrSpotCandles"]
