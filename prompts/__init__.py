"""What the model is told: imports nothing else of ours.

Read `builder` (parts to one stable string), then `cache` (built once for all who ask at a time).
The texts stand beside them, in Markdown.
"""

from prompts.builder import SystemPrompt, build
from prompts.cache import PromptCache

__all__ = ["PromptCache", "SystemPrompt", "build"]
