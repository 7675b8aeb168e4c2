"""Buys a currency on one pair and sells it on another of the same exchange, whose quote currency is a different one."""
from decimal import Decimal
from typing import List

from hummingbot.core.data_type.common import MarketDict
from hummingbot.strategy_v2.controllers.controller_base import ControllerBase, ControllerConfigBase
from hummingbot.strategy_v2.executors.arbitrage_executor.data_types import ArbitrageExecutorConfig
from hummingbot.strategy_v2.executors.data_types import ConnectorPair
from hummingbot.strategy_v2.models.executor_actions import CreateExecutorAction, ExecutorAction


class TwoPairArbitrageConfig(ControllerConfigBase):
    controller_name: str = "two_pair_arbitrage"
    connector_name: str
    buying_pair: str
    selling_pair: str
    order_amount: Decimal
    min_profitability: Decimal

    def update_markets(self, markets: MarketDict) -> MarketDict:
        return markets.add_or_update(self.connector_name, self.buying_pair, self.selling_pair)


class TwoPairArbitrage(ControllerBase):
    def __init__(self, config: TwoPairArbitrageConfig, *args, **kwargs):
        super().__init__(config, *args, **kwargs)
        self._markets = [ConnectorPair(connector_name=config.connector_name, trading_pair=pair)
                         for pair in (config.buying_pair, config.selling_pair)]
        self.market_data_provider.initialize_rate_sources(self._markets)

    async def update_processed_data(self):
        pass

    def determine_executor_actions(self) -> List[ExecutorAction]:
        if self.executors_info:
            return []
        buying_market, selling_market = self._markets
        return [CreateExecutorAction(controller_id=self.config.id, executor_config=ArbitrageExecutorConfig(
            timestamp=self.market_data_provider.time(),
            buying_market=buying_market,
            selling_market=selling_market,
            order_amount=self.config.order_amount,
            min_profitability=self.config.min_profitability,
        ))]
