"""The loops that are measured, each in a module of its name, and `run`, which plays a scenario.

Each has `connected(url, folder)`, an asynchronous context that gives a function which begins a
conversation; a conversation has `turn(text)`. What it needs it imports there, so that a cold start
is the one that an application would have.
"""
