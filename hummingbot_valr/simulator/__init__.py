"""
An embedded VALR for tests, demos and trials: a matching engine with a ledger behind VALR's REST routes and sockets.
It shares no code with the connector, so that neither can hide the other's mistakes.

Payloads, texts and codes follow VALR's documentation and what was captured from its wire. Where neither says what VALR
does, the choice made here is one among several, and `ValrSimulator.faults` plays the others. Chosen freely, because
nobody recorded them: the code -1 of v2 refusals other than insufficient balance, self-trade and duplicate id; the
refusals of sizes over the maximum, of prices off the tick (-11) and of inactive pairs (-32); the body of a refused
permission or sub-account; the reason of an unfilled FOK order.

Not played: stop orders and modifications (refused with -11), simple orders, margin, futures, FULL_ORDERBOOK_UPDATE.
"""
from .server import ValrSimulator

__all__ = ["ValrSimulator"]
