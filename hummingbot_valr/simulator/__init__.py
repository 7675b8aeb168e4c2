"""
An embedded VALR for tests, demos and trials: a matching engine with a ledger behind VALR's REST routes and sockets.
It shares no code with the connector, so that neither can hide the other's mistakes.
"""
from .server import ValrSimulator

__all__ = ["ValrSimulator"]
