"""The pages of the browsers' comparison, on this machine, and what is done on them.

A page of work: a menu, a counter, a list of tasks and a form, as large as a small application's.
And a table of 2,000 rows, each with a button. Every step names a text that whoever did it has to
have been shown in the end, so that nothing is timed that had no effect.
"""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TASKS = 30
ROWS = 2_000

SCRIPT = """
let count = 0;
function more() {
  count++;
  document.querySelector('#count').textContent = 'Counted ' + count;
}
function menu(button) {
  const list = document.querySelector('#menu');
  list.hidden = !list.hidden;
  button.textContent = list.hidden ? 'Open menu' : 'Close menu';
}
function finish(button) {
  const row = button.parentElement, number = row.dataset.number;
  row.querySelector('b').textContent = 'done';
  button.textContent = 'Reopen task ' + number;
}
function send(form) {
  document.querySelector('#sent').textContent = 'Sent for ' + form.who.value;
  return false;
}
function edit(button) {
  const row = button.closest('tr');
  row.cells[3].textContent = 'edited';
}
"""


def work() -> str:
    """Write the page of work."""
    places = "".join(f"<li><a href=/archive?{n}>Section {n}</a></li>" for n in range(1, 9))
    tasks = "".join(
        f"<li data-number={n}>Task {n}: call customer {n * 7} back <b>open</b> "
        f"<button onclick='finish(this)'>Finish task {n}</button></li>"
        for n in range(1, TASKS + 1)
    )
    return (
        f"<title>Work</title><script>{SCRIPT}</script>"
        "<header><h1>Work of the week</h1>"
        "<button onclick='menu(this)'>Open menu</button>"
        f"<ul id=menu hidden>{places}</ul></header><main>"
        "<button onclick='more()'>Count on</button><p id=count>Counted 0</p>"
        f"<h2>Tasks</h2><ul>{tasks}</ul>"
        "<h2>New task</h2><form onsubmit='return send(this)'>"
        "<label>Who <input name=who></label><label>Where <input name=where></label>"
        "<label>When <select><option>today<option>tomorrow<option>later</select></label>"
        "<label><input type=checkbox> urgent</label><button>Send</button></form><p id=sent></p>"
        "<a href=/archive>Archive</a></main>"
    )


def archive() -> str:
    """Write the page that a link leads to."""
    old = "".join(f"<li><a href=/archive?{n}>Week {n}</a>, all done</li>" for n in range(1, 31))
    return f"<title>Archive</title><h1>Archive of all weeks</h1><ul>{old}</ul>"


def rows() -> str:
    """Write the table."""
    lines = "".join(
        f"<tr><td>{n}</td><td>Customer {n}</td><td>City {n % 97}</td><td>open</td>"
        f"<td>{n * 13 % 1000}.00</td><td><button onclick='edit(this)'>Edit row {n}</button></td>"
        for n in range(1, ROWS + 1)
    )
    head = "".join(f"<th>{name}" for name in ("Number", "Name", "City", "State", "Sum", ""))
    return (
        f"<title>Rows</title><script>{SCRIPT}</script><h1>All rows</h1>"
        f"<table><tr>{head}{lines}</table>"
    )


PAGES = {"/": work, "/archive": archive, "/rows": rows}


@dataclass(frozen=True, slots=True)
class Step:
    """What is done on a page, the same by both."""

    row: str
    """Of the table, in which it is counted; "" for one that is not."""
    shows: str
    """What has to be shown in the end."""
    page: str = ""
    """That is gone to; else something is done on the one that is there."""
    click: tuple[str, str] | None = None
    """Role and name of an element."""
    fill: tuple[tuple[str, str, str], ...] = ()
    """Role, name and value of fields."""


FORM = (
    ("textbox", "Who", "Ada Lovelace"),
    ("textbox", "Where", "London"),
    ("combobox", "When", "tomorrow"),
    ("checkbox", "urgent", "true"),
)

CLICKS = ("a counter", "a menu", "a task of a list", "a form is sent", "a link to a page")


def steps() -> list[Step]:
    """Give what is done in a round."""
    opened = Step("a page is opened", "Work of the week", page="/")
    counts = [Step("a counter", f"Counted {n}", click=("button", "Count on")) for n in (1, 2, 3)]
    menu = [
        Step("a menu", "Section 8", click=("button", "Open menu")),
        Step("a menu", "Open menu", click=("button", "Close menu")),
    ]
    tasks = [
        Step("a task of a list", f"Reopen task {n}", click=("button", f"Finish task {n}"))
        for n in (2, 15, 28)
    ]
    form = [
        Step("a form of four fields", "Ada Lovelace", fill=FORM),
        Step("a form is sent", "Sent for Ada Lovelace", click=("button", "Send")),
    ]
    link = Step("a link to a page", "Archive of all weeks", click=("link", "Archive"))
    table = [
        Step(f"{ROWS:,} rows are opened", "Edit row 2", page="/rows"),
        Step(f"a button in {ROWS:,} rows", "edited", click=("button", "Edit row 2")),
    ]
    small = Step("", "Archive of all weeks", page="/archive")  # To leave the table is slow.
    return [*table, small, opened, *counts, *menu, *tasks, *form, link]


class _Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = PAGES.get(self.path.partition("?")[0])
        body = b"" if page is None else f"<!doctype html><meta charset=utf-8>{page()}".encode()
        self.send_response(404 if page is None else 200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Print nothing."""


@contextmanager
def served() -> Iterator[str]:
    """Serve the pages; give where, such as `127.0.0.1:4000`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
