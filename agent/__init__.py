"""The loop and what embeds it; may import `tools`, `prompts` and `scheduler`.

Read `cli` first: it is what a person starts.
"""
