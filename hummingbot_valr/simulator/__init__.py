"""
An embedded VALR for tests, demos and trials: a matching engine with a ledger behind VALR's REST routes and sockets.
It shares no code with the connector, so that neither can hide the other's mistakes.

Payloads, texts and codes follow VALR's documentation and what was captured from its wire. Where neither says what VALR
does, the choice made here is one among several, and `ValrSimulator.faults` plays the others. Chosen freely, because
nobody recorded them: the code -1 of v2 refusals other than insufficient balance, self-trade and duplicate id; the
refusals of sizes over the maximum, of prices off the tick, of post-only with IOC or FOK and of amounts that are JSON
numbers (all -11), and of inactive pairs (-32); the body of a refused permission or sub-account, and the text "Too many
decimals" of a refused transfer; the reasons of an unfilled FOK order and of one whose pair was halted before it was
decided; the refusal of socket commands in read-only mode; the frame {"type":"ERROR","message":"Invalid message"} for
JSON that is no command.

Not played: stop orders and modifications (refused with -11), simple orders, margin, futures, FULL_ORDERBOOK_UPDATE.
"""
from .server import ValrSimulator

__all__ = ["ValrSimulator"]
