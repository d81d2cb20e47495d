"""Whether a call may run: allowed, denied, or asked about.

Read in this order: `verdicts` (what is judged, and what comes of it), `patterns`, `commands` with
`mentions`, `addresses`, and `paths` with `names` (what a call's input says, and what it touches),
`rules` (one rule, and how several are weighed), `rules_file` (rules that people read and edit),
`policies` (the judges that an agent can have), `questions` (those that wait for a person).

Rules are no wall: without a sandbox of the operating system a command does what its user may do.
They say what is done without a question.
"""

from agent.approvals.policies import AllowAll, ByTool, RuleBook, default_file
from agent.approvals.questions import Answer, Question, Questions
from agent.approvals.rules import Rule
from agent.approvals.verdicts import Approvals, Ask, Denied, Judged, Remembering, Verdict

__all__ = [
    "AllowAll",
    "Answer",
    "Approvals",
    "Ask",
    "ByTool",
    "Denied",
    "Judged",
    "Question",
    "Questions",
    "Remembering",
    "Rule",
    "RuleBook",
    "Verdict",
    "default_file",
]
