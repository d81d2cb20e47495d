"""Heavy behaviours: named pieces of work that run as jobs, triggered from stored deployments.

Read in this order: `behavior` (what one is), `running` (as a job), `deployments`, `triggering` (in
the founding shapes). Then what behaviours are made with: `structured` (a model's answers in a fixed
form), `tally`, `batching`, `marking`, `parallel`, `words`; and the two that ship,
`group_assignment` (`group_traits`, `balancing`, `group_explaining`) and `theme_creator`
(`theme_reading`, `theme_merging`, `theme_words`).
"""

from agent.behaviors.behavior import Behavior, BehaviorError, Behaviors, Work, behavior
from agent.behaviors.deployments import Deployment, DeploymentNotFoundError, Deployments
from agent.behaviors.group_assignment import group_assignment
from agent.behaviors.running import BEHAVIOR_KINDS
from agent.behaviors.theme_creator import theme_creator
from agent.behaviors.triggering import Triggers

__all__ = [
    "BEHAVIOR_KINDS",
    "SHIPPED",
    "Behavior",
    "BehaviorError",
    "Behaviors",
    "Deployment",
    "DeploymentNotFoundError",
    "Deployments",
    "Triggers",
    "Work",
    "behavior",
]

SHIPPED = (group_assignment, theme_creator)
"""The behaviours that come with this package; give them to `Behaviors`."""
