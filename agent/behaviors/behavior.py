"""What a behaviour is: a named piece of work with typed input, which may take minutes.

```python
class Names(BaseModel):
    names: list[str]

@behavior("shuffle", heavy=False)
def shuffle(given: Names, work: Work) -> dict[str, Any]:
    work.stage("shuffling", 50)
    return {"names": random.sample(given.names, len(given.names))}
```
"""

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

from pydantic import BaseModel, ValidationError

from agent.errors import AgentError
from agent.jobs.context import JobContext

if TYPE_CHECKING:
    from agent.runtime import Agent

Given = TypeVar("Given", bound=BaseModel)

MOST_FAULTS: Final = 10
"""That are told of an input: a long list can have one for each element."""


class BehaviorError(AgentError):
    """There is no such behaviour, or it cannot be given this."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a behaviour may know of its job, and say while it runs."""

    job: JobContext

    def stage(self, name: str, percent: float) -> None:
        """Say what is done from here on, and how far the whole is, from 0 to 100.

        Raises:
            JobStopError: it was cancelled, or its time is over.
        """
        self.job.progress(percent, name)

    def check(self) -> None:
        """Go on, unless it is to stop.

        Raises:
            JobStopError: it was cancelled, or its time is over.
        """
        self.job.check()

    def agent(self, **more: Any) -> "Agent":
        """Make an agent as the host's is configured, for sessions of the behaviour's own."""
        from agent.runtime import Agent  # noqa: PLC0415  (it imports the rest of the package)

        return Agent(**{**self.job.options, **more})


@dataclass(frozen=True, slots=True)
class Behavior:
    """A behaviour; made by `behavior`."""

    name: str
    function: Callable[[Any, Work], Any]
    """Of the checked input and the work; a coroutine function, or a plain one. The input is its
    own: it may take it apart, to give memory back."""
    is_heavy: bool
    """Runs in a process of its own, and in the background unless that is asked otherwise."""
    input: type[BaseModel]
    soft_seconds: float
    hard_seconds: float

    @property
    def reference(self) -> str:
        """`module:name`, by which another process imports it."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    def checked(self, given: Mapping[str, Any]) -> BaseModel:
        """Give the input that was checked.

        Raises:
            BehaviorError: it is wrong; the text names the wrong fields.
        """
        try:
            return self.input.model_validate(given)
        except ValidationError as error:
            raise BehaviorError(f"the input of {self.name} is wrong: {faults(error)}") from error


def behavior(
    name: str, *, heavy: bool = True, soft_seconds: float = 300.0, hard_seconds: float = 600.0
) -> Callable[[Callable[[Given, Work], Any]], Behavior]:
    """Make a behaviour out of a function of a module's top level.

    Its first parameter is annotated with a pydantic model: the input.

    Args:
        name: what deployments call it.
        heavy: whether it takes long: then it gets a process, and runs in the background by default.
        soft_seconds: after which it is told to give up.
        hard_seconds: after which it is killed.

    Raises:
        BehaviorError: its input is no pydantic model.
    """

    def decorate(function: Callable[[Given, Work], Any]) -> Behavior:
        parameters = [*inspect.signature(function).parameters]
        kind = get_type_hints(function).get(parameters[0]) if parameters else None
        if not (inspect.isclass(kind) and issubclass(kind, BaseModel)):
            raise BehaviorError(
                f"behaviour {name!r}: its first parameter is annotated with a pydantic model, its "
                "input, and its second with Work"
            )
        return Behavior(name, function, heavy, kind, soft_seconds, hard_seconds)

    return decorate


class Behaviors:
    """The behaviours that a host offers, by name."""

    def __init__(self, behaviors: Iterable[Behavior] = ()) -> None:
        self._behaviors: dict[str, Behavior] = {}
        for each in behaviors:
            if self._behaviors.setdefault(each.name, each) is not each:
                raise BehaviorError(f"two behaviours have the name {each.name!r}")

    def __repr__(self) -> str:
        return f"<Behaviors {', '.join(self._behaviors) or 'none'}>"

    def __iter__(self) -> Iterator[Behavior]:
        return iter(self._behaviors.values())

    def get(self, name: str) -> Behavior:
        """Give the behaviour of a name.

        Raises:
            BehaviorError: there is none; the text says which there are.
        """
        if name not in self._behaviors:
            there = ", ".join(sorted(self._behaviors)) or "none"
            raise BehaviorError(f"there is no behaviour {name!r}; there are: {there}")
        return self._behaviors[name]


def imported(reference: str) -> Behavior:
    """Import a behaviour by its reference, in another process.

    Raises:
        BehaviorError: there is none.
    """
    module, _, name = reference.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BehaviorError(f"behaviour {reference!r} cannot be imported: {error}") from error
    if not isinstance(found, Behavior):
        raise BehaviorError(f"{reference!r} is no behaviour: decorate it with @behavior")
    return found


def faults(error: ValidationError) -> str:
    """Name the fields that are wrong, the first few of many."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, each['loc'])) or 'all of it'}: {each['msg']}" for each in found]
    more = [f"and {len(told) - MOST_FAULTS} more"] if len(told) > MOST_FAULTS else []
    return "; ".join([*told[:MOST_FAULTS], *more])
