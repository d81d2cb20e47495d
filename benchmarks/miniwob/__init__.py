"""MiniWoB++'s tasks, done through the agent with our own browser tools by scripted policies.

What is measured are the tools: whether a page can be understood and worked with by what they show
alone. The model is a script, one policy for each kind of task, which reads the tools' results as a
model would and derives from them what to do; tasks and seeds are no part of it. The pages come from
PyPI's `miniwob` (`requirements.txt`), of which nothing but the pages is used.

Read in this order: `pages`, `seeing`, `calls`, `policies`, `playing`, `report`.
"""
