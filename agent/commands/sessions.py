"""`toolloop sessions`: list, show, rename, fork, delete, export and import sessions."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.commands.command import Command, data_dir
from agent.commands.telling import complain, data_folder, say, shown, telling

NAME = 40
"""Characters of a name that the list shows."""


def message_number(given: str) -> int:
    """Read a message's number."""
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(f"a message's number, from 0, not {given!r}")
    return int(given)


def _arguments(parser: argparse.ArgumentParser) -> None:
    data_dir(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for name, (_, text, arguments) in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=f"{text.capitalize()}.")
        arguments(action)
        # What was given before the action holds, unless it is given again behind it.
        action.add_argument(
            "--data-dir",
            metavar="FOLDER",
            default=argparse.SUPPRESS,
            help="where sessions are kept; may stand before the action too",
        )


@telling
def _run(terms: argparse.Namespace) -> int:
    act, _, _ = ACTIONS[terms.action or "list"]
    return act(terms)


# -- those that look ---------------------------------------------------------------------------


def _list(terms: argparse.Namespace) -> int:
    from agent.session.listing import listed  # noqa: PLC0415  (imports what a journal is made of)

    folder = data_folder(terms)
    rows = [
        (shown(each.name, NAME), each.id, each.used, each.messages, each.size)
        for each in listed(folder)
    ]
    if not rows:
        say(f"there are no sessions in {folder}")
        return 0
    table = [("NAME", "ID", "LAST USED", "MESSAGES", "SIZE"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say("  ".join(cells).rstrip())
    return 0


def _show(terms: argparse.Namespace) -> int:
    say(_document(terms, "markdown").rstrip("\n"))
    return 0


def _export(terms: argparse.Namespace) -> int:
    text = _document(terms, terms.format)
    if terms.output is None:
        sys.stdout.write(_whole(text))
        return 0
    try:
        terms.output.write_text(_whole(text), encoding="utf-8")
    except OSError as error:
        return complain(f"the file {str(terms.output)!r} cannot be written: {error.strerror}")
    return 0


def _document(terms: argparse.Namespace, form: str) -> str:
    from agent.session import export  # noqa: PLC0415  (imports what a journal is made of)
    from agent.session.looking import find  # noqa: PLC0415  (as above)

    entries = find(data_folder(terms), terms.name).intact()
    return export.as_markdown(entries) if form == "markdown" else export.as_json(entries)


def _whole(text: str) -> str:
    """Give a text that UTF-8 can hold: half characters become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


# -- those that write --------------------------------------------------------------------------


def _rename(terms: argparse.Namespace) -> int:
    from agent.offline import rename  # noqa: PLC0415  (imports all that an agent is made of)

    rename(data_folder(terms), terms.name, terms.new_name)
    say(f"{terms.name} is now named {terms.new_name}")
    return 0


def _fork(terms: argparse.Namespace) -> int:
    from agent.offline import fork  # noqa: PLC0415  (as in `_rename`)

    fork(data_folder(terms), terms.name, terms.new_name, terms.before_message)
    say(f"{terms.new_name} begins as {terms.name} did")
    return 0


def _import(terms: argparse.Namespace) -> int:
    from agent.offline import import_  # noqa: PLC0415  (as in `_rename`)

    try:
        text = terms.file.read_text(encoding="utf-8")
    except OSError as error:
        return complain(f"the file {str(terms.file)!r} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return complain(f"the file {str(terms.file)!r} is no exported session: it is not UTF-8")
    say(f"imported as {import_(data_folder(terms), text, terms.name)}")
    return 0


def _delete(terms: argparse.Namespace) -> int:
    from agent.offline import delete  # noqa: PLC0415  (as in `_rename`)
    from agent.session.looking import find  # noqa: PLC0415  (as above)

    looked = find(data_folder(terms), terms.name)
    if not terms.yes and not sys.stdin.isatty():
        return complain(f"{looked.name!r} is not deleted: nobody can be asked here; say --yes")
    if not terms.yes and not _agrees(f"Delete the session {looked.name!r} for good?"):
        say("nothing is deleted")
        return 1
    delete(data_folder(terms), looked.id)
    say(f"{looked.name} is deleted")
    return 0


def _agrees(question: str) -> bool:
    sys.stdout.write(f"{shown(question)} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


# -- arguments ---------------------------------------------------------------------------------


def _no_arguments(_: argparse.ArgumentParser) -> None:
    pass


def _one_session(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the session's name or its id")


def _two_names(parser: argparse.ArgumentParser) -> None:
    _one_session(parser)
    parser.add_argument("new_name", metavar="NEW", help="its new name")


def _fork_arguments(parser: argparse.ArgumentParser) -> None:
    _one_session(parser)
    parser.add_argument("new_name", metavar="NEW", help="the name of the new session")
    parser.add_argument(
        "--before-message",
        type=message_number,
        metavar="N",
        help="leave out this message, counted from 0, and all after it",
    )


def _delete_arguments(parser: argparse.ArgumentParser) -> None:
    _one_session(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    _one_session(parser)
    parser.add_argument("--format", choices=("json", "markdown"), default="json")
    parser.add_argument("--output", type=Path, metavar="FILE", help="(default: standard output)")


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what `export` wrote as JSON")
    parser.add_argument("--name", help="of the new session (default: the name that it had)")


ACTIONS: Mapping[
    str,
    tuple[Callable[[argparse.Namespace], int], str, Callable[[argparse.ArgumentParser], None]],
] = {
    "list": (_list, "list the sessions, the one last used first", _no_arguments),
    "show": (_show, "print a session's conversation as Markdown", _one_session),
    "rename": (_rename, "give a session another name", _two_names),
    "fork": (_fork, "make a session that begins as another did, with its tools", _fork_arguments),
    "delete": (_delete, "delete a session and its files", _delete_arguments),
    "export": (_export, "write a session as a document", _export_arguments),
    "import": (_import, "make a session from an exported one", _import_arguments),
}
"""What each action does, in a few words, and what it takes."""

COMMAND = Command(
    "sessions",
    "list, show, rename, fork, delete, export and import sessions",
    "Look at sessions and move them about; without an action, list them. No model is asked, and "
    "no key is needed. Those that write are refused while the session is open elsewhere.",
    _arguments,
    _run,
)
