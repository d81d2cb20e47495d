"""An inbox of mails, and posts of social media."""

import re

from benchmarks.miniwob.calls import Steps, click, submit, write
from benchmarks.miniwob.seeing import Item, NotFoundError, Page


def inbox(page: Page) -> Steps:
    """Delete, mark, answer or forward somebody's mail.

    Of two mails by the same sender it is the first; the task does not say which one it wants.
    """
    name = page.said(r"email by (\S+)")[1]
    if "trash" in page.task or "star" in page.task:
        icon = "trash" if "trash" in page.task else "star"
        yield [click(_after(page, name, icon))]
        return
    yield [click(next(item for item in page.area if item.ref and item.label.startswith(name)))]
    if "reply" in page.task:
        yield [click(_button(page, "Reply"))]
        yield [write(page.all("textbox")[-1], page.quoted[0])]
        yield [click(_button(page, "#send-reply"))]
    else:
        yield [click(_button(page, "Forward"))]
        yield [write(page.all("textbox")[0], page.said(r"to (\S+)\.$")[1])]
        yield [click(_button(page, "#send-forward"))]


def _after(page: Page, name: str, icon: str) -> Item:
    """Give the first icon behind a name."""
    names = [at for at, item in enumerate(page.area) if item.label == name]
    if names:
        for item in page.area[names[0] :]:
            if f".{icon}" in item.label and item.ref:
                return item
    raise NotFoundError(f"no {icon} behind {name!r}")


def _button(page: Page, label: str) -> Item:
    for item in page.area:
        if item.ref and label in item.label:
            return item
    raise NotFoundError(f"no {label!r}")


def social_media(page: Page) -> Steps:
    """Do something with the post of a user; what is seldom done is in a menu."""
    user, action = page.said(r"For the user (\S+), click on the \"(.*)\" button").groups()
    is_icon = action in {"Reply", "Retweet", "Like"}
    icon = _icons(page, user, action.lower() if is_icon else "more")[0]
    yield [click(icon)]
    if not is_icon:
        yield [click(next(item for item in page.came if item.label.startswith(action)))]


def posts(page: Page) -> Steps:
    """Do something with all posts of a user, or with some."""
    action = page.quoted[0].lower()
    user = page.said(r"by (@\S+)")[1]
    some = re.search(r"on (\d+) post", page.task)
    icons = _icons(page, user, action)
    yield [*map(click, icons[: int(some[1]) if some else None]), submit(page)]


def _icons(page: Page, user: str, icon: str) -> list[Item]:
    """Give the icon of each post of a user."""
    found, author = [], ""
    for item in page.area:
        if (name := re.search(r"@\S+", item.label)) is not None:
            author = name[0]
        elif f".{icon}" in item.label and author == user and item.ref:
            found.append(item)
    return found


POLICIES = {
    "email-inbox": inbox,
    "email-inbox-delete": inbox,
    "email-inbox-forward": inbox,
    "email-inbox-important": inbox,
    "email-inbox-noscroll": inbox,
    "email-inbox-reply": inbox,
    "email-inbox-star-reply": inbox,
    "social-media": social_media,
    "social-media-all": posts,
    "social-media-some": posts,
}
