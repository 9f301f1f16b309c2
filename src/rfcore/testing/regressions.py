"""Networks that were once answered wrongly, or refused without need, each by name.

The campaign of random networks found them; it begins every run with them. Expected values are
derived by hand.
"""

from __future__ import annotations

from fractions import Fraction

from rfcore.errors import IrregularFieldError, TruncatedFieldError
from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    GlobalPooling,
    Normalization,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing.case import Case, Expected

__all__ = ["REGRESSIONS"]

GATE = (GlobalPooling("max"), Convolution(1), Activation("sigmoid"))

REGRESSIONS = (
    Case(
        name="a mirrored field larger than its input",
        layers=(Flip(), Convolution(15, padding=7)),
        input_shape=(10,),
        expected=Expected(size=15, stride=-1, padding=-2, outputs=10),
        source="by hand: output j reads the flipped j - 7 … j + 7, the inputs 2 - j … 16 - j",
    ),
    Case(
        name="a flip of no axis",
        layers=(Flip(0), Convolution(3)),
        input_shape=(13,),
        expected=Expected(size=3, stride=1, padding=0, outputs=11),
        source="by hand: a flip along no axis changes nothing",
    ),
    Case(
        name="a roll of a short axis",
        layers=(Roll(1),),
        input_shape=(13,),
        expected=Expected(size=1, stride=1, padding=1, outputs=13),
        source="by hand: output j reads the input j - 1",
    ),
    Case(
        name="holes that alternate between steady edges",
        layers=(
            Branches(
                (
                    (Convolution(2, stride=2, dilation=2), TransposedConvolution(2, stride=2)),
                    (Convolution(5, dilation=3, padding="same"), Cropping(high=1)),
                )
            ),
        ),
        input_shape=(9,),
        expected=Expected(size=13, stride=1, padding=6, outputs=8, density=Fraction(1, 2)),
        source="by hand: output j reads j - 6, j - 3, j, j + 3, j + 6; an even one j + 2 as well, "
        "an odd one j - 1 and j + 1: 6 and 7 of 13, by turns",
    ),
    Case(
        name="a border reflected at one end",
        layers=(Padding(high=1, mode="reflect"),),
        input_shape=(13,),
        expected=Expected(size=1, stride=1, padding=0, outputs=14),
        source="by hand: output j reads the input j, but for the last",
    ),
    Case(
        name="a border of one repeated value",
        layers=(Convolution(1), Padding(high=1, mode="edge")),
        input_shape=(13,),
        expected=Expected(size=1, stride=1, padding=0, outputs=14),
        source="by hand: output j reads the input j, but for the last",
    ),
    *(
        Case(
            name=f"a wide {mode} border on two axes",
            layers=(Padding(2, 3, mode), Convolution(3)),
            input_shape=(13, 17),
            expected=Expected(size=3, stride=1, padding=2, outputs=(16, 20)),
            source="by hand: output j reads the padded j … j + 2, the inputs j - 2 … j",
        )
        for mode in ("reflect", "edge", "circular")
    ),
    Case(
        name="a dilated convolution of single positions",
        layers=(
            Branches(
                (
                    (Cropping(0, 1),),
                    (Pooling(3), Convolution(1, dilation=3), Upsampling(3)),
                )
            ),
        ),
        input_shape=(13,),
        expected=Expected(size=3, stride=1, padding=0, outputs=12, phases=frozenset({3})),
        source="by hand: outputs 3i … 3i + 2 all read the three inputs of the i-th window",
    ),
    Case(
        name="blocks of positions behind a pooling that strides",
        layers=(Pooling(2, (3, 1), ceil_mode=True), SpaceToDepth((3, 1))),
        input_shape=(25, 12),
        # Three windows of two, three apart.
        expected=Expected(size=(8, 2), stride=(9, 1), padding=0, outputs=(3, 11)),
        source="by hand: output j reads the windows 3j … 3j + 2, which begin at 9j, 9j + 3, 9j + 6",
    ),
    Case(
        name="a low edge in sight at two outputs only",
        layers=(
            Branches(
                (
                    (Cropping(0, 10),),
                    (Pooling(2), Cropping(0, 1), Convolution(5), Upsampling(2)),
                )
            ),
            Branches(((Convolution(1, 2, "same"),), (Padding(3, 3), Cropping(0, 13)))),
        ),
        input_shape=(24,),
        error=TruncatedFieldError,
        source="by hand: the high edge moves by 2 per output, the low one by 2 every other one",
    ),
    Case(
        name="a gate over all but the last pixel",
        layers=(
            Branches(((Cropping(0, 1),), (Pooling(2), Upsampling(2)))),
            Branches(((), GATE), "multiply"),
        ),
        input_shape=(21,),
        expected=Expected(is_global=True),
        source="by hand: the gate sees all that its input does, the pixels 0 … 19",
    ),
    Case(
        name="a gate over every other pixel",
        layers=(Convolution(2, 2, 1, 2), Branches(((), GATE), "multiply")),
        input_shape=(13,),
        expected=Expected(is_global=True),
        source="by hand: the taps are at 2j - 1 and 2j + 1, the odd pixels 1 … 11",
    ),
    Case(
        name="statistics over all but the last pixels",
        layers=(Pooling(2), Normalization("instance")),
        input_shape=(7, 7, 7),
        expected=Expected(is_global=True),
        source="by hand: windows of two leave the last of seven pixels over",
    ),
    Case(
        name="a circular border at one end",
        layers=(Convolution(1), Padding(high=1, mode="circular")),
        input_shape=(13,),
        expected=Expected(size=1, stride=1, padding=0, outputs=14),
        source="by hand: output j reads the input j, but for the last",
    ),
    Case(
        name="blocks whose middle sees all of a small map",
        layers=(
            Convolution((1, 7), stride=3),
            Branches(((), (Convolution(3, padding=2, dilation=2),)), "concatenate"),
            Branches(((), (Convolution(3, padding=2, dilation=2),)), "concatenate"),
            Convolution(1),
            SpaceToDepth((1, 2)),
            Branches(
                (
                    (Convolution(1, stride=2, padding=2, groups=2), Cropping(high=(3, 0))),
                    (Pooling(3, stride=(3, 1), padding="same"),),
                    (
                        TransposedConvolution(3, stride=2, output_padding=1),
                        Subsampling((2, 2), start=2),
                        Cropping((2, 0), (3, 0)),
                    ),
                ),
                "multiply",
            ),
        ),
        input_shape=(24, 29),
        error=TruncatedFieldError,
        source="its paths of unequal strides fit together at this size only",
    ),
    Case(
        name="aligned corners whose drift does not show where few outputs are asked",
        layers=(
            Branches(((), (Pooling(2), TransposedConvolution(4, 2, 1)))),
            Upsampling(3, "aligned"),
            Branches(
                ((), (Convolution(3, padding=2, dilation=2), Convolution(3, padding=1))),
            ),
        ),
        input_shape=(12,),
        error=IrregularFieldError,
        source="output j lies at j · 11 / 35: by walking, outputs 4 and 10 see 4 and 6 pixels",
    ),
    Case(
        name="a roll that brings in pixels from beyond a map's border",
        layers=(TransposedConvolution(3, 3, 1), Branches(((), (Roll(1),)))),
        input_shape=(13,),
        expected=Expected(size=2, stride=Fraction(1, 3), padding=0, phases=frozenset({1, 2})),
        source="by hand: input i adds to the outputs 3i - 1 … 3i + 1, and rolled to 3i … 3i + 2",
    ),
    Case(
        name="paths of unequal stride at the one size where neither leaves the other",
        layers=(
            Branches(
                (
                    (
                        Convolution(3, padding=1, dilation=4),
                        Convolution(3, padding=1),
                        TransposedConvolution(2, stride=2, padding=1, output_padding=1),
                        Cropping(2, 2),
                    ),
                    (Padding(3, 2, mode="reflect"),),
                ),
                join="concatenate",
            ),
            Subsampling(2),
        ),
        input_shape=(22,),
        expected=Expected(size=11, stride=1, padding=1, outputs=14),
        source="by hand: the paths of output j read j - 1 … j + 9 and 2j - 3, of 22 pixels",
    ),
    Case(
        name="a path that is short along one axis and reads nothing but padding",
        layers=(
            Branches(
                (
                    (Convolution(4, padding=1, dilation=2),),
                    (Convolution(1, padding=3), Cropping(0, 10)),
                )
            ),
        ),
        input_shape=(7, 12),
        expected=Expected(size=9, stride=1, padding=3, outputs=(3, 8)),
        source="by hand: the paths of output j read j - 1 … j + 5 and j - 3",
    ),
    Case(
        name="a pixel shuffle by two behind blocks of three",
        layers=(
            SpaceToDepth((3, 1)),
            DepthToSpace(2),
            Convolution(2, stride=3, padding=1, dilation=2),
        ),
        input_shape=(30, 23),
        expected=Expected(stride=(Fraction(9, 2), Fraction(3, 2)), outputs=(7, 16)),
        source="by hand: strides of 3 and 1 pixels, halved, times 3; frameworks' reshapes hid it",
    ),
)
