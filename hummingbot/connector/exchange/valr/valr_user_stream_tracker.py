import asyncio
from typing import Any, Callable, Dict, Optional

from hummingbot.core.data_type.user_stream_tracker import UserStreamTracker
from hummingbot.core.data_type.user_stream_tracker_data_source import UserStreamTrackerDataSource


class ValrEventQueue(asyncio.Queue):
    """
    A queue whose events are handed over at once while somebody listens. Through a plain queue an event waits for the
    next turn of the event loop, and for all events that were received with it to be decoded first.
    """

    def __init__(self):
        super().__init__()
        self.listener: Optional[Callable[[Dict[str, Any]], None]] = None

    def put_nowait(self, item: Dict[str, Any]):
        # What waits in the queue came before.
        if self.listener is not None and self.empty():
            self.listener(item)
        else:
            super().put_nowait(item)


class ValrUserStreamTracker(UserStreamTracker):
    """Hummingbot's tracker with a queue that does not hold up events."""

    def __init__(self, data_source: UserStreamTrackerDataSource):
        super().__init__(data_source)
        self._user_stream = ValrEventQueue()
