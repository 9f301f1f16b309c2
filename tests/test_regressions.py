"""What was once wrong stays right, in written-out layers; the campaign asks every framework."""

import pytest

import rfcore
from rfcore.testing import CASES, REGRESSIONS
from rfcore.testing.agreement import assert_walked
from rfcore.testing.laws.fields import assert_agrees


@pytest.mark.parametrize("case", REGRESSIONS, ids=str)
def test_what_was_once_wrong_stays_right(case):
    if case.error is not None:
        with pytest.raises(case.error):
            rfcore.estimate(case.layers, input_shape=case.input_shape)
        return
    field = rfcore.estimate(case.layers, input_shape=case.input_shape)
    assert_agrees(field, case.expected)
    assert_walked(case, field)


def test_names_tell_cases_apart():
    names = [case.name for case in (*CASES, *REGRESSIONS)]
    assert len(set(names)) == len(names)
