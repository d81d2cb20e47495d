"""Asking a person at a terminal whether a call may run."""

from typing import Final, TypeAlias

from prompt_toolkit import PromptSession
from prompt_toolkit.output import create_output

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


async def ask(asked: ApprovalAsked) -> Given | None:
    """Ask until there is an answer; the end of the input is a denial, and Ctrl-C is None."""
    # The answer may be led into a file: the question is for the terminal.
    output = create_output(always_prefer_tty=True)
    prompt: PromptSession[str] = PromptSession(output=output)
    while True:
        try:
            # Signals are heeded by whoever asks.
            text = await prompt.prompt_async(f"  {choices(asked.always)}: ", handle_sigint=False)
        except EOFError:
            return "deny", ""
        except KeyboardInterrupt:
            return None
        given = understood(text)
        if given is not None:
            return given
