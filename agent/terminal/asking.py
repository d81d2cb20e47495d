"""Asking a person at a terminal whether a call may run."""

from typing import Final, TypeAlias

from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout

from agent.approvals.questions import Answer
from agent.events import ApprovalAsked

Given: TypeAlias = tuple[Answer, str]
"""An answer, and the reason of a denial."""

CHOICES: Final[dict[str, Answer]] = {
    "y": "once",
    "yes": "once",
    "a": "always",
    "always": "always",
    "n": "deny",
    "no": "deny",
}


def understood(text: str) -> Given | None:
    """Read an answer; anything after "n" is the reason. None when it is none."""
    word, _, rest = text.strip().partition(" ")
    answer = CHOICES.get(word.lower().rstrip(",:"))
    if answer is None or (rest.strip() and answer != "deny"):
        return None
    return answer, rest.strip()


def choices(always: str) -> str:
    """Say what can be answered."""
    lasting = f", a always ({always})" if always else ""
    return f"y once{lasting}, n no, or n and a reason"


async def ask(asked: ApprovalAsked) -> Given:
    """Ask until there is an answer; Ctrl-C and the end of the input are a denial."""
    prompt: PromptSession[str] = PromptSession()
    with patch_stdout():
        while True:
            try:
                text = await prompt.prompt_async(f"  {choices(asked.always)}: ")
            except (EOFError, KeyboardInterrupt):
                return "deny", ""
            given = understood(text)
            if given is not None:
                return given
