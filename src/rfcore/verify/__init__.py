"""Checking a field on the model's own forward: no trace, no graph and no rule takes part."""

from rfcore.verify.certificate import Certificate, Check, Unchecked, Witness
from rfcore.verify.verification import verify

__all__ = ["Certificate", "Check", "Unchecked", "Witness", "verify"]
