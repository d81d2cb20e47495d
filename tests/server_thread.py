"""A scripted model beside programs that run an event loop of their own."""

import asyncio
import threading

from agent.claude.loopback import LoopbackModel


class ServerThread:
    """A scripted model on a loop of its own, for programs that run their own loop."""

    def __init__(self, *replies):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.server = LoopbackModel(replies)

    def __enter__(self):
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.server.__aenter__(), self.loop).result()
        return self.server

    def __exit__(self, *error):
        left = self.server.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(left, self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
