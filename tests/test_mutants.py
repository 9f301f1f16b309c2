"""The laws of the core can fail: each of many deliberate faults is caught by one of them."""

import pytest

from core_mutants import FAULTS, committed, notices


@pytest.mark.parametrize("law", sorted({fault.law for fault in FAULTS.values()}))
def test_laws_hold_without_a_fault(law):
    assert not notices(law)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_core_is_caught(fault):
    with committed(fault):
        assert notices(fault.law)
