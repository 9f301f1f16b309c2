"""The laws of the conformance suite, by what they are about."""

import pytest

# They assert in modules that pytest would otherwise take for plain code.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in ("certificates", "fields", "gradients", "manners", "scans", "subject")
    )
)
