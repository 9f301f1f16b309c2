"""Running a model for real, on its own weights, and leaving it as it was."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from rf_torch.listening import listening
from rf_torch.modules import Modules, cuda_devices
from rf_torch.shield import Shield, copied, generators_kept
from rfcore.inputs import InputSpec

__all__ = ["called", "running"]

SEED = 0


@contextmanager
def running(
    modules: Modules,
    returned: Callable[[str, Any], None],
    copy: Callable[[torch.Tensor], torch.Tensor] = copied,
) -> Iterator[None]:
    """A context in which forwards run on copies of the weights and draw the same numbers each time.

    Random numbers go on outside as if none had been drawn.

    Args:
        modules: The model's modules.
        returned: Called with a layer's name and its output.
        copy: Makes the copy of one parameter or buffer.
    """
    with generators_kept(cuda_devices(modules)), Shield(copy) as shield:
        torch.manual_seed(SEED)
        random.seed(SEED)
        np.random.seed(SEED)
        # Before the listeners: what the shield has seen comes back when it closes.
        shield.add(modules.each)
        with listening(modules, returned, entering=shield.entering):
            yield


def called(model: Any, spec: InputSpec, image: torch.Tensor) -> Any:
    """What the model returns for the measured input; others keep their defaults."""
    if isinstance(spec.name, str):
        return model(**{spec.name: image})
    return model(image)
