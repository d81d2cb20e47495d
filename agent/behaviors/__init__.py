"""Heavy behaviours: named pieces of work that run as jobs, triggered from stored deployments.

Read in this order: `behavior` (what one is), `running` (as a job), `deployments`, `triggering` (in
the founding shapes).
"""
