"""The replay server: a lean HTTP and WebSocket server in a process of its own, so that it is never what is measured."""
