"""`BackendConformance`: the class that a backend's own tests subclass to get every law."""

from __future__ import annotations

from rfcore.testing.laws.certificates import CertificateLaws
from rfcore.testing.laws.fields import FieldLaws
from rfcore.testing.laws.gradients import GradientLaws
from rfcore.testing.laws.manners import MannerLaws
from rfcore.testing.laws.scans import ScanLaws

__all__ = ["BackendConformance"]


class BackendConformance(FieldLaws, GradientLaws, CertificateLaws, ScanLaws, MannerLaws):
    """Every law of rfcore, for one backend.

    Subclass it under a name that pytest collects, set `backend` and write `build` and
    `snapshot`; `Subject` says what else can be set.

    Example:
        >>> from rfcore.testing import BackendConformance
        >>> class TestConformance(BackendConformance):
        ...     backend = "mine"
        ...     channels = "last"
        ...     def build(self, case):
        ...         return my_framework.Network(case.layers)
        ...     def snapshot(self, model):
        ...         return [weight.tobytes() for weight in model.weights]
    """
