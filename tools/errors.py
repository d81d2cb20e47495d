"""What can be wrong with a tool or with a call of it, and who should read about it.

```
ToolError              the model should read it: its text becomes the call's result
└── InputError         the input of a call does not fit the tool
DeclarationError       a tool is declared wrongly: its author should read it, at import
```

Any other exception of a tool is a bug: it is logged in full, and the model never sees its text.
"""


class ToolError(Exception):
    """A tool could not do what was asked; the text tells the model what was wrong and what to do.

    Raise it from a tool. The call's result is the text, marked as an error.
    """


class InputError(ToolError):
    """The input of a call does not fit; the text names every wrong field and what would be right.

    The tool was not run.
    """


class DeclarationError(TypeError):
    """A tool cannot be offered as it is declared; the text says which, what and what to do."""
