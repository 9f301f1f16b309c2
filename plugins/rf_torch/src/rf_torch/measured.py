"""The measured input of a torch model, with what all traces of one estimate share."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from rf_torch.stand_ins import Fakes
from rfcore.inputs import InputSpec

__all__ = ["TorchInput"]


@dataclass(frozen=True, slots=True)
class TorchInput(InputSpec):
    """A measured input; the same model asked at another size keeps the same fakes.

    Attributes:
        fakes: The stand-ins of the model's parameters.
    """

    fakes: Fakes = field(default_factory=Fakes, compare=False, repr=False)

    @classmethod
    def of(cls, spec: InputSpec) -> TorchInput:
        """The same input, for one estimate."""
        return cls(*(getattr(spec, entry.name) for entry in fields(InputSpec)))
