"""Small networks that several laws ask about."""

from __future__ import annotations

from rfcore.layers import Activation, Branches, Convolution
from rfcore.testing.case import Case
from rfcore.testing.networks import squeeze_and_excite

__all__ = ["BLOCKS", "CHAIN", "SMOOTH", "SQUEEZE"]

CHAIN = Case(
    name="a chain",
    layers=(Convolution(3, stride=2, name="stem"), Convolution(3, name="head")),
    input_shape=(32, 40),
    visible_shape=(32, 40),
    source="its parts",
)
BLOCKS = Case(
    name="named layers",
    layers=(
        Convolution(5, stride=2, padding=2, name="stem"),
        Branches(
            (
                (
                    Convolution(3, padding=1, name="first"),
                    Activation(),
                    Convolution(3, padding=1, name="second"),
                ),
                (),
            ),
            name="block",
        ),
        Convolution(3, stride=2, padding=1, name="head"),
    ),
    input_shape=(32, 40),
    source="its parts",
)
SQUEEZE = Case(
    name="a gate",
    layers=squeeze_and_excite(),
    input_shape=(32, 40),
    source="its parts",
)
SMOOTH = Case(
    name="signed and smooth",
    layers=(
        Convolution(3, stride=2, padding=1, name="stem"),
        Activation("sigmoid"),
        Convolution((3, 1), name="head"),
    ),
    input_shape=(16, 14),
    source="its parts",
    weights="random",
)
