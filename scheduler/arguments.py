"""Looking at what is given to `submit`, so that nothing fails later in somebody else's callback."""

import logging

from scheduler.access import EVERYTHING, Access, Resource
from scheduler.call import Keys

log = logging.getLogger(__name__)


def check(value: object, kind: type, rule: str) -> None:
    """Refuse what would only fail later, in somebody else's callback."""
    if not isinstance(value, kind):
        raise TypeError(f"{rule}; got {value!r}")


def guarded(keys: Keys) -> Keys:
    """Let keys that cannot be worked out again stand for everything: too careful, never wrong."""

    def work_out(unsettled: frozenset[Resource]) -> Access:
        try:
            access = keys(unsettled)
            check(access, Access, "keys give an Access")
        except Exception:
            log.exception("the keys of a waiting call could not be worked out again")
            return EVERYTHING
        return access

    return work_out
