"""Which order the self-test would place: the smallest that VALR takes, far from the market."""
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Dict, Iterable, Optional, Tuple

from hummingbot.connector.trading_rule import TradingRule

# Part of the best bid. Nobody sells to it before the whole book down to there is gone.
_PRICE_FACTOR = Decimal("0.5")


@dataclass(frozen=True)
class OrderPlan:
    """A post-only limit BUY. `amount` is in base, `price` in quote per base."""
    trading_pair: str
    symbol: str
    amount: Decimal
    price: Decimal

    @property
    def cost(self) -> Decimal:
        """What VALR reserves while the order is open, in quote."""
        return self.amount * self.price

    @property
    def quote(self) -> str:
        return self.trading_pair.split("-")[1]

    def __str__(self) -> str:
        base = self.trading_pair.split("-")[0]
        return (f"a post-only BUY of {self.amount.normalize():f} {base} at {self.price.normalize():f} {self.quote} "
                f"({self.cost.normalize():f} {self.quote})")


def smallest_order(symbol: str, rule: TradingRule, best_bid: Decimal) -> Optional[OrderPlan]:
    """
    :param best_bid: quote per base, zero for a market without bids
    :return: None when the price would be less than one tick
    """
    tick, step = rule.min_price_increment, rule.min_base_amount_increment
    price = (best_bid * _PRICE_FACTOR / tick).to_integral_value(ROUND_FLOOR) * tick
    if price <= 0:
        return None
    amount = max(rule.min_order_size, rule.min_notional_size / price)
    return OrderPlan(rule.trading_pair, symbol, (amount / step).to_integral_value(ROUND_CEILING) * step, price)


def affordable(plans: Iterable[OrderPlan], available: Dict[str, Decimal]) -> Tuple[Optional[OrderPlan], str]:
    """
    :param available: asset -> amount that is free
    :return: the first plan that the account can pay, and what any of them would need, for the person who has neither
    """
    plans = list(plans)
    plan = next((plan for plan in plans if available.get(plan.quote, Decimal(0)) >= plan.cost), None)
    return plan, " or ".join(dict.fromkeys(f"{plan.cost.normalize():f} {plan.quote}" for plan in plans))
