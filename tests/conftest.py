"""Settings of hypothesis for every test of the core."""

import os

from hypothesis import settings

# Where a machine is shared, how long an example takes says nothing. A check that gates a change
# gives the same verdict each time; examples are searched at random everywhere else.
settings.register_profile("rfcore", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("rfcore")
