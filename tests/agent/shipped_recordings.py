"""The recordings that ship, as scripts: `python -m tests.agent.shipped_recordings` writes them.

Their replies are written here, not by a model; a test holds the files to be what comes of this.
What a tool answers is no part of them: the tools run.
"""

import asyncio
import json
from collections.abc import Collection, Iterable, Sequence
from itertools import count
from pathlib import Path

import agent.recordings
from agent.claude.recorded_failure import Failure
from agent.claude.recording import Batch, End, RecordedReply, Recording
from agent.claude.recording_pages import PLACEHOLDER
from agent.claude.recording_writing import whole
from agent.claude.reply import Reply
from agent.claude.script import Call, Step, Text, reply
from agent.claude.sse import Event, EventDecoder

FOLDER = Path(agent.recordings.__file__).parent

MODEL = "scripted"
MADE = "2026-11-21"
USAGE = {"input_tokens": 0, "output_tokens": 0}

FIRST_TOKEN = 0.7
"""Seconds from a request to its reply's first event."""

BETWEEN_BLOCKS = 0.06


class Script:
    """A conversation as it is put together; `pace` is how fast the model is."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self.messages: list[Event] = []
        self.replies: list[RecordedReply] = []
        self._at = 0.0

    def says(self, text: str) -> None:
        """Let the person say something."""
        self.messages.append({"role": "user", "content": [{"type": "text", "text": text}]})

    def fails(self, failure: Failure) -> None:
        """Let the server answer with an error."""
        self._add((), failure, 0.4, pause=0.6)

    def answers(
        self, *parts: Text | Call, tools_take: float = 0.1, failing: Collection[str] = ()
    ) -> None:
        """Let the model answer, and its calls be answered; some of them with an error."""
        number = len(self.replies) + 1
        frames = reply(
            *map(in_pieces, parts), usage=USAGE, model=MODEL, id=f"msg_scripted_{number}"
        )
        decoder, whole_reply = EventDecoder(), Reply()
        events = [event for frame in frames for event in decoder.feed(bytes_of(frame))]
        for event in events:
            whole_reply.feed(event)
        batches = tuple(timed(events, self._pace))
        self._add(batches, End.WHOLE, batches[-1].at, pause=tools_take)
        self.messages.append({"role": "assistant", "content": whole_reply.content()})
        results = [
            {"type": "tool_result", "tool_use_id": part.id}
            | ({"is_error": True} if part.id in failing else {})
            for part in parts
            if isinstance(part, Call)
        ]
        if results:
            self.messages.append({"role": "user", "content": results})

    def recording(
        self, name: str, title: str, files: dict[str, str], *, pages: str = ""
    ) -> Recording:
        """Give the whole, with a title that says what it is."""
        told = f"{title} (scripted replies, not a model's)"
        replies = tuple(self.replies)
        return Recording(name, told, "scripted", MODEL, MADE, replies, files, pages=pages)

    def _add(self, batches, ending, seconds, *, pause):
        body = {
            "model": MODEL,
            "max_tokens": 16000,
            "stream": True,
            "messages": list(self.messages),
        }
        seconds = round(seconds, 4)
        self.replies.append(RecordedReply(round(self._at, 4), body, batches, ending, seconds))
        self._at += seconds + pause


def bytes_of(frame: bytes | Step) -> bytes:
    """Give a frame; no step stands in these scripts."""
    assert isinstance(frame, bytes)
    return frame


def in_pieces(part: Text | Call) -> Text | Call:
    """Cut a block into pieces of about a token or two."""
    if isinstance(part, Text):
        return Text(part.text, pieces=len(part.text) // 9 + 1)
    size = len(json.dumps(part.input, ensure_ascii=False))
    return Call(part.id, part.name, part.input, pieces=size // 14 + 1)


def timed(events: Iterable[Event], pace: float) -> Iterable[Batch]:
    """Give each event its time; at a pace of 1 deltas come 20 to 40 ms apart."""
    at, numbers = FIRST_TOKEN, count()
    for event in events:
        kind = event["type"]
        if kind == "content_block_delta":
            at += 0.02 + next(numbers) * 7 % 21 / 1000
        elif kind in {"content_block_start", "message_delta"}:
            at += BETWEEN_BLOCKS
        yield Batch(round(at / pace, 4), (event,))


# -- first-look --------------------------------------------------------------------------------

README = """\
# Basket

Adds up what is in a basket. From 100.00 on, the whole basket costs a tenth less.

    python3 -m unittest -q
"""

PRICES = '''\
"""What a basket costs, in cents."""

DISCOUNT_FROM = 100_00
DISCOUNT = 10


def total(cents: list[int]) -> int:
    """Add up, and take the discount off."""
    added = sum(cents)
    if added > DISCOUNT_FROM:
        added -= added * DISCOUNT // 100
    return added
'''

TESTS = """\
import unittest

from basket.prices import total


class Total(unittest.TestCase):
    def test_a_small_basket_costs_what_is_in_it(self):
        self.assertEqual(total([20_00, 5_50]), 25_50)

    def test_a_basket_of_one_hundred_gets_the_discount(self):
        self.assertEqual(total([60_00, 40_00]), 90_00)

    def test_a_large_basket_gets_the_discount(self):
        self.assertEqual(total([150_00]), 135_00)
"""

BASKET = {
    "README.md": README,
    "basket/__init__.py": "",
    "basket/prices.py": PRICES,
    "tests/__init__.py": "",
    "tests/test_prices.py": TESTS,
}

TEST = "python3 -m unittest -q"


def first_look() -> Recording:
    """Give independent reads side by side, then an edit, the tests and a read in their order."""
    script = Script()
    script.says("A test of this project fails. Find out why, mend it, and run the tests.")
    script.answers(
        Text("I look at the project from five sides at once."),
        Call("toolu_tree", "directory_tree", {"path": "."}),
        Call("toolu_files", "glob", {"pattern": "**/*.py"}),
        Call("toolu_readme", "file_read", {"path": "README.md"}),
        Call("toolu_prices", "file_read", {"path": "basket/prices.py"}),
        Call("toolu_uses", "grep", {"pattern": "DISCOUNT_FROM", "path": "."}),
    )
    edit = {"old_text": "if added > DISCOUNT_FROM:", "new_text": "if added >= DISCOUNT_FROM:"}
    script.answers(
        Text(
            "The README says that the discount begins at 100.00, and the code leaves exactly "
            "100.00 out. I mend that, run the tests, and read the module again: three calls of "
            "one reply, each of which has to see what the one before it did."
        ),
        Call("toolu_mend", "file_edit", {"path": "basket/prices.py", "edits": [edit]}),
        Call("toolu_test", "shell", {"command": TEST}),
        Call("toolu_again", "file_read", {"path": "basket/prices.py"}),
        tools_take=0.5,
    )
    script.answers(
        Text(
            "`total` compared with `>` where the README asks for `>=`: a basket of exactly "
            "100.00 got no discount. It does now; what the tests say of it stands above."
        )
    )
    title = "A failing test is found and mended: reads side by side, then an edit before its test"
    return script.recording("first-look", title, BASKET)


# -- three-notes -------------------------------------------------------------------------------

NOTES = {
    "notes/bread.md": "# Bread\n\nFlour, water, salt, time.\n",
    "notes/soup.md": "# Soup\n\nWater, salt, whatever is there.\n",
    "notes/tea.md": "# Tea\n\nWater, leaves.\n",
}


def three_notes() -> Recording:
    """Give two turns: new files side by side, then a search and what depends on it."""
    script = Script()
    script.says("Write a note each on bread, soup and tea, with what goes into them.")
    script.answers(
        Text("Three files that have nothing to do with each other, so all at once."),
        *(
            Call(f"toolu_{number}", "file_write", {"path": path, "content": content})
            for number, (path, content) in enumerate(NOTES.items(), 1)
        ),
    )
    script.answers(Text("The three notes are in notes/."))
    script.says("Which of them have salt in them? List those in notes/salt.md.")
    listed = "- bread.md\n- soup.md\n"
    script.answers(
        Text("I search, and write down what I expect of it in the same reply."),
        Call("toolu_grep", "grep", {"pattern": "salt", "path": "notes"}),
        Call("toolu_list", "file_write", {"path": "notes/salt.md", "content": listed}),
        Call("toolu_read", "file_read", {"path": "notes/salt.md"}),
    )
    script.answers(Text("Bread and soup have salt in them; notes/salt.md lists the two."))
    title = "Three files written at once, and a second message"
    return script.recording("three-notes", title, {"README.md": "# A kitchen\n"})


# -- second-try --------------------------------------------------------------------------------


def second_try() -> Recording:
    """Give a server that is overloaded once, and a tool that fails."""
    script = Script()
    script.says("What does the configuration say of the time limit?")
    script.fails(Failure("api", "Overloaded", status=529, type="overloaded_error"))
    script.answers(
        Text("I read the configuration."),
        Call("toolu_guess", "file_read", {"path": "config.toml"}),
        failing=["toolu_guess"],
    )
    script.answers(
        Text("It is not where I thought. I look for it."),
        Call("toolu_find", "glob", {"pattern": "**/*.toml"}),
        Call("toolu_limit", "grep", {"pattern": "limit", "path": "settings"}),
    )
    script.answers(Text("settings/server.toml sets a time limit of 30 seconds."))
    files = {"settings/server.toml": "[server]\nlimit_seconds = 30\n"}
    title = "An overloaded server is asked again, and a tool's error is read"
    return script.recording("second-try", title, files)


# -- small-shop --------------------------------------------------------------------------------

LIST = """\
what,how many,most each
"Rye flour, 1 kg",2,3.20
"Sea salt, 500 g",1,2.00
"Olive oil, 0.5 l",1,9.00
"""

HOUSE = f"""\
# Shopping for the house

- The shop: {PLACEHOLDER}/
- Deliver to Robin Vale, 12 Mill Lane, on a Friday. The bell is faint: ring twice.
- Voucher: MILL10
- `python3 check.py FILE` holds a basket or a receipt against list.csv.
"""

CHECK = '''\
"""Hold what is bought against list.csv: as much as asked for, and nothing too dear."""

import csv
import sys
from decimal import Decimal

with open("list.csv", newline="") as file:
    wanted = {row["what"]: row for row in csv.DictReader(file)}
with open(sys.argv[1], newline="") as file:
    bought = {row["what"]: row for row in csv.DictReader(file) if row["how many"]}

wrong = sorted(wanted.keys() ^ bought.keys())
for what, row in bought.items():
    asked, count = wanted.get(what, row), int(row["how many"])
    dearest = Decimal(asked.get("most each", "0")) * count
    if asked["how many"] != row["how many"] or Decimal(row["cost"]) > dearest:
        wrong.append(what)
if wrong:
    sys.exit(f"not as the list asks: {', '.join(wrong)}")
total = sum(Decimal(row["cost"]) for row in bought.values())
print(f"{len(bought)} kinds for {total}: as the list asks")
'''

BASKET_PLAN = """\
what,how many,cost
"Rye flour, 1 kg",2,5.80
"Sea salt, 500 g",1,1.70
"Olive oil, 0.5 l",1,8.30
"""

ORDER = """\
# Ordered

Two rye flour, one sea salt, one olive oil: 15.80, less 1.58 for the voucher, makes 14.22.
It comes on Friday. The receipt is in downloads/receipt.csv.
"""

FORM = {
    "f1e8": "Robin Vale",
    "f1e10": "12 Mill Lane",
    "f1e12": "Friday",
    "f1e14": "MILL10",
    "f1e16": "true",
}
"""What goes into the fields of the checkout, by their refs."""


def small_shop() -> Recording:
    """Give a browser's actions in their order, beside work on files that waits for none of them.

    The refs are those that the pages in `agent/recordings/pages/small-shop` get.
    """
    script = Script(pace=3.0)  # as fast as a browser's clicks, so that they are seen to queue up
    script.says("Order what is on list.csv, as house.md says, and leave me a note of it.")
    script.answers(
        Text("I open the shop, and read the three files meanwhile."),
        Call("toolu_shop", "browser_navigate", {"url": f"{PLACEHOLDER}/"}),
        Call("toolu_list", "file_read", {"path": "list.csv"}),
        Call("toolu_house", "file_read", {"path": "house.md"}),
        Call("toolu_how", "file_read", {"path": "check.py"}),
        tools_take=0.5,
    )
    script.answers(
        Text(
            "All of it is on the shelf. I fill the basket, click by click, and see to it meanwhile "
            "that nothing is too dear."
        ),
        Call("toolu_rye", "browser_click", {"ref": "e18"}),
        Call("toolu_plan", "file_write", {"path": "basket.csv", "content": BASKET_PLAN}),
        Call("toolu_rye_too", "browser_click", {"ref": "e18"}),
        Call("toolu_dear", "shell", {"command": "python3 check.py basket.csv"}),
        Call("toolu_salt", "browser_click", {"ref": "e28"}),
        Call("toolu_oil", "browser_click", {"ref": "e33"}),
        Call("toolu_checkout", "browser_click", {"ref": "e45"}),
        tools_take=0.5,
    )
    script.answers(
        Text("To the checkout. I look at the sum before I order."),
        Call(
            "toolu_form",
            "browser_fill_form",
            {"fields": [{"ref": ref, "value": value} for ref, value in FORM.items()]},
        ),
        Call("toolu_sum", "browser_read_page", {"find_text": "To pay"}),
        Call("toolu_order", "browser_click", {"ref": "f1e19"}),
        tools_take=0.5,
    )
    receipt = "downloads/receipt.csv"
    script.answers(
        Text("Ordered. I save the receipt, check it, and write the note."),
        Call("toolu_save", "browser_click", {"ref": "f2e35", "download": True}),
        Call("toolu_receipt", "file_read", {"path": receipt}),
        Call("toolu_check", "shell", {"command": f"python3 check.py {receipt}"}),
        Call("toolu_thanks", "browser_read_page", {"find_text": "it comes on"}),
        Call("toolu_note", "file_write", {"path": "order.md", "content": ORDER}),
        tools_take=0.5,
    )
    script.answers(
        Text(
            "Everything on the list is ordered for 14.22 and comes on Friday; what the check says "
            "of the receipt stands above, and the note is order.md."
        )
    )
    title = "A small shop in a real browser: clicks in their order, files read and checked beside"
    files = {"list.csv": LIST, "house.md": HOUSE, "check.py": CHECK}
    return script.recording("small-shop", title, files, pages="small-shop")


SHIPPED: Sequence[Recording] = (first_look(), second_try(), small_shop(), three_notes())


async def write() -> None:
    """Write them all to where they ship."""
    for each in SHIPPED:
        await asyncio.to_thread((FOLDER / f"{each.name}.jsonl").write_bytes, whole(each))


if __name__ == "__main__":
    asyncio.run(write())
