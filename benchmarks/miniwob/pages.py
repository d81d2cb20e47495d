"""MiniWoB++'s pages, served on this machine, each starting its episode by itself.

The rules that this file keeps:

- almost no page declares its encoding, so everything is sent as UTF-8;
- an address with `?seed=` draws its task from that seed, and its episode has no end but its own;
- the panel of rewards, whose clock changes every second, is not shown.
"""

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.loop_runs import HERE

INSTALLED = "miniwob/html"

START = """
<style>#reward-display, #click-canvas {{ display: none !important; }}</style>
<script>addEventListener('load', () => {{
  core.EPISODE_MAX_TIME = 1e9;
  Math.seedrandom('{seed}');
  core.startEpisodeReal();
}});</script>
"""
"""Behind the page: its own handler of `load`, which asks for a click to start, comes before."""

SCORE = "() => [WOB_DONE_GLOBAL, WOB_RAW_REWARD_GLOBAL, String(WOB_REWARD_REASON)]"
"""What the page says of its episode; without the part that shrinks with time."""


def installed() -> Path | None:
    """Find the folder of the pages, where `make bench` installs it."""
    found = (HERE / ".venv" / "bench" / "lib").glob(f"python3.*/site-packages/{INSTALLED}")
    return next(found, None)


class Pages(http.server.SimpleHTTPRequestHandler):
    """Files, with their encoding, and tasks that start."""

    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012  (the base class declares it so)
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        "": "application/octet-stream",
    }

    def do_GET(self) -> None:
        """Send a file; a task with a seed is sent with what starts it."""
        seed = parse_qs(urlsplit(self.path).query).get("seed")
        if seed is None:
            super().do_GET()
            return
        page = Path(self.translate_path(self.path)).read_bytes()
        body = page + START.format(seed=re.sub(r"\W", "", seed[0])).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.extensions_map[".html"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's)
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the pages on a free port of 127.0.0.1; gives host and port."""
    serve = partial(Pages, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
