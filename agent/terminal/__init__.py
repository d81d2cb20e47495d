"""A turn in a terminal: what is printed of it, what shows that it goes on, and the chat.

Read in this order: `lines` (events as text), `lanes` (what runs now), `completion`, `chat`.
`prompt_toolkit` is imported by `completion` and `chat` only.
"""
