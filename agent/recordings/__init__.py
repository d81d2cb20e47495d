"""The recordings that come with the package: demonstrations that need no key.

Their replies are scripted, as each one's title says: no model wrote them. What the tools do with
them is real. The pages that a browser is shown are in `pages`, each recording's in a folder.
"""

from importlib import resources
from pathlib import Path

from agent.claude.recording import SUFFIX, Recording, RecordingError
from agent.claude.recording_reading import parse

__all__ = ["lay_out", "names", "pages_of", "shipped"]

PAGES = "pages"
"""The folder of pages."""


def names() -> list[str]:
    """Give the names of what is here; blocks."""
    files = (each.name for each in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX))


def shipped(name: str) -> Recording:
    """Read one of them; blocks.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in names():
        raise KeyError(name)
    return parse((resources.files(__name__) / f"{name}{SUFFIX}").read_bytes(), name)


def lay_out(recording: Recording, workspace: Path) -> None:
    """Write the files that a recording brings into an empty workspace; blocks.

    Raises:
        RecordingError: a file cannot be there beside the others.
    """
    for name, text in recording.files.items():
        path = workspace / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RecordingError(
                f"the file {name!r} of the recording {recording.name} cannot be written: "
                f"{error.strerror}",
                file=recording.name,
            ) from error


def pages_of(recording: Recording) -> dict[str, bytes]:
    """Read the pages that a recording needs, by their files' names; blocks.

    Raises:
        RecordingError: they are not shipped.
    """
    folders = [each for each in (resources.files(__name__) / PAGES).iterdir() if each.is_dir()]
    for folder in folders:
        if folder.name == recording.pages:
            return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    raise RecordingError(
        f"the recording {recording.name} needs the pages {recording.pages!r}; those that ship are: "
        f"{', '.join(sorted(each.name for each in folders))}",
        file=recording.name,
    )
