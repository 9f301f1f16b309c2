"""The measured input of a JAX model, with what all traces of one estimate share."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from rfcore.inputs import InputSpec

__all__ = ["JaxInput"]


@dataclass(frozen=True, slots=True)
class JaxInput(InputSpec):
    """A measured input; the same model asked at another size keeps the same constants.

    Attributes:
        constants: What traces computed from weights alone, for `sharing.py`.
    """

    constants: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, spec: InputSpec) -> JaxInput:
        """The same input, for one estimate."""
        return cls(*(getattr(spec, entry.name) for entry in fields(InputSpec)))
