"""The table of cases: small and well-known networks whose fields are known beforehand.

Expected values are derived by hand next to the case or come from a publication; none was ever
copied from a measurement.
"""

from __future__ import annotations

from fractions import Fraction

from rfcore.errors import IrregularFieldError, NoSpatialAxesError, RfcoreError
from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    GlobalPooling,
    Identity,
    Normalization,
    Padding,
    Pooling,
    TransposedConvolution,
    Upsampling,
)
from rfcore.testing.case import Case, Expected
from rfcore.testing.networks import (
    alexnet,
    original_unet,
    patchgan,
    resnet18,
    squeeze_and_excite,
    tcn,
    unet,
    vgg16,
    wav2vec2_encoder,
)

__all__ = ["CASES"]

ARAUJO = "Araujo, Norris and Sim, Distill 2019"
CHAIN = f"chain formula ({ARAUJO}): size 1 + sum (e - 1) J, padding sum of p J, e = d (k - 1) + 1"
HALF = Fraction(1, 2)
AVERAGE_2 = Pooling(2, kind="average")

WINDOWS = (
    Case(
        name="convolution",
        layers=(Convolution(5),),
        input_shape=(20,),
        visible_shape=(20,),
        expected=Expected(size=5, stride=1, padding=0, outputs=16),
        source=CHAIN,
    ),
    Case(
        name="strided convolution",
        layers=(Convolution(7, stride=2, padding=3),),
        input_shape=(64,),
        visible_shape=(64,),
        expected=Expected(size=7, stride=2, padding=3, outputs=32),
        source=CHAIN,
    ),
    Case(
        name="dilated convolution",
        layers=(Convolution(3, padding=2, dilation=2),),
        input_shape=(20, 24),
        visible_shape=(20, 24),
        expected=Expected(size=5, stride=1, padding=2, outputs=(20, 24)),
        source=CHAIN,
    ),
    Case(
        name="max pooling",
        layers=(Pooling(3),),
        input_shape=(60,),
        expected=Expected(size=3, stride=3, padding=0, outputs=20),
        source=CHAIN,
    ),
    Case(
        name="average pooling",
        layers=(Pooling(3, stride=2, kind="average"), Convolution(3)),
        input_shape=(61,),
        visible_shape=(61,),
        # 1 + 2·1 + 2·2.
        expected=Expected(size=7, stride=2, padding=0, outputs=28),
        source=CHAIN,
    ),
    Case(
        name="stem of a ResNet",
        layers=(
            Convolution(7, stride=2, padding=3),
            Normalization("batch"),
            Activation("relu"),
            Pooling(3, stride=2, padding=1),
        ),
        input_shape=(224, 224),
        # 1 + 6·1 + 2·2; 3·1 + 1·2.
        expected=Expected(size=11, stride=4, padding=5, outputs=56),
        source=CHAIN,
    ),
    Case(
        name="padding on one side",
        layers=(Padding(3, 1), Convolution(3)),
        input_shape=(20,),
        visible_shape=(20,),
        expected=Expected(size=3, stride=1, padding=3, outputs=22),
        source="by hand: output j reads j - 3, j - 2, j - 1",
    ),
    Case(
        name="cropping",
        layers=(Cropping(2, 3), Convolution(3)),
        input_shape=(30,),
        visible_shape=(30,),
        expected=Expected(size=3, stride=1, padding=-2, outputs=23),
        source="by hand: output j reads j + 2, j + 3, j + 4",
    ),
    Case(
        name="transposed convolution",
        layers=(TransposedConvolution(4, stride=2, padding=1),),
        input_shape=(24,),
        visible_shape=(24,),
        expected=Expected(size=2, stride=HALF, padding=1, outputs=48),
        source="by hand: output j reads the two inputs around (j + 1) / 2 - 1",
    ),
    Case(
        name="transposed convolution in two dimensions",
        layers=(Convolution(3, padding=1), TransposedConvolution(2, stride=2)),
        input_shape=(16, 20),
        visible_shape=(16, 20),
        expected=Expected(size=3, stride=HALF, padding=1, outputs=(32, 40)),
        source="by hand: outputs 2i and 2i + 1 read the input i only, and that i - 1 … i + 1",
    ),
    Case(
        name="nearest upsampling",
        layers=(Upsampling(2),),
        input_shape=(16, 20),
        visible_shape=(16, 20),
        expected=Expected(size=1, stride=HALF, padding=0, outputs=(32, 40)),
        source="by hand: output j reads the input j // 2",
    ),
    Case(
        name="linear upsampling",
        layers=(Upsampling(2, mode="linear"),),
        input_shape=(16, 20),
        visible_shape=(16, 20),
        # Output 0 lies at -1/4, between input -1 (in the border) and 0.
        expected=Expected(size=2, stride=HALF, padding=1, outputs=(32, 40)),
        source="by hand: output j lies at (j + 1/2) / 2 - 1/2 and reads its neighbours",
    ),
    Case(
        name="linear upsampling by three",
        layers=(Upsampling(3, mode="linear"),),
        input_shape=(16, 20),
        visible_shape=(16, 20),
        # Outputs 0, 1, 2 lie at -1/3, 0 and 1/3: the second reads one input only.
        expected=Expected(size=2, stride=Fraction(1, 3), padding=1, phases=frozenset({1, 2})),
        source="by hand: output j lies at (j + 1/2) / 3 - 1/2 and reads its neighbours",
    ),
    Case(
        name="convolution over upsampled",
        layers=(Upsampling(2), Convolution(3, padding=1)),
        input_shape=(16, 20),
        visible_shape=(16, 20),
        expected=Expected(size=2, stride=HALF, padding=1, outputs=(32, 40)),
        source="by hand: three neighbours after doubling come from two inputs",
    ),
    Case(
        name="unequal axes",
        layers=(Convolution((3, 5), stride=2), Convolution((3, 1), stride=2)),
        input_shape=(64, 48),
        visible_shape=(64, 48),
        expected=Expected(size=(7, 5), stride=4, padding=0),
        source=f"tests of the library of {ARAUJO}",
    ),
    Case(
        name="three dimensions",
        layers=(Convolution((1, 3, 3), padding=(0, 1, 1)), Pooling((2, 2, 1), kind="average")),
        input_shape=(16, 20, 12),
        visible_shape=(16, 20, 12),
        # Per axis 1 + 0 + 1, 1 + 2 + 1, 1 + 2 + 0.
        expected=Expected(size=(2, 4, 3), stride=(2, 2, 1), padding=(0, 1, 1)),
        source=CHAIN,
    ),
)

STRIDED_SAME = (
    Convolution(7, stride=2, padding="same"),
    Pooling(3, stride=2, padding="same"),
    Convolution(3, stride=2, padding="same"),
)
WIDE_SAME = (
    *3 * (Convolution(3, stride=2, padding="same"),),
    Convolution(3, dilation=8, padding="same"),
)
SAME_RULE = "TensorFlow's SAME rule by hand: total = max((ceil(n / s) - 1) s + e - n, 0), low half"

SAME = (
    *(
        Case(
            name=f"same padding at {n}",
            layers=STRIDED_SAME,
            input_shape=(n, n),
            # 1 + 6·1 + 2·2 + 2·4; lows of the three layers times 1, 2 and 4.
            expected=Expected(size=19, stride=8, padding=low, outputs=outputs),
            source=SAME_RULE,
        )
        for n, low, outputs in (
            (224, 2 + 0 + 0, 28),
            (225, 3 + 2 + 4, 29),
            (299, 3 + 0 + 4, 38),
            (321, 3 + 2 + 4, 41),
        )
    ),
    *(
        Case(
            name=f"same padding, a field larger than the input, at {n}",
            layers=WIDE_SAME,
            input_shape=(n, n + 16),
            # 1 + 2·1 + 2·2 + 2·4 + 16·8; lows times 1, 2, 4 and 8.
            expected=Expected(size=143, stride=8, padding=low),
            source=SAME_RULE,
        )
        for n, low in ((30, 0 + 2 + 0 + 64), (33, 1 + 2 + 4 + 64))
    ),
    Case(
        name="same padding per axis",
        layers=(Convolution((3, 5), stride=(2, 1), padding="same"),),
        input_shape=(40, 41),
        visible_shape=(40, 41),
        expected=Expected(size=(3, 5), stride=(2, 1), padding=(0, 2), outputs=(20, 41)),
        source=SAME_RULE,
    ),
)

TO_STRIDE_2 = (Padding(1, 0), Convolution(3, stride=2))
ALIGNED = Branches(((Convolution(1, stride=4),), (*TO_STRIDE_2, Convolution(1, stride=2))))
ALIGNED_AGAIN = Branches(((Convolution(1, stride=2),), TO_STRIDE_2))
SAME_PATHS = Branches(
    (
        (Convolution(1, stride=4, padding="same"),),
        (Convolution(3, stride=2, padding="same"), Convolution(1, stride=2, padding="same")),
    )
)

PATHS = (
    Case(
        name="two paths",
        layers=(ALIGNED,),
        input_shape=(64, 64),
        visible_shape=(64, 64),
        expected=Expected(size=3, stride=4, padding=1),
        source=f"tests of the library of {ARAUJO}",
    ),
    Case(
        name="two paths twice",
        layers=(ALIGNED, Activation(), ALIGNED_AGAIN),
        input_shape=(224, 224),
        # The outputs of the first join see 3 of every 4 pixels, the second takes 3 of those.
        expected=Expected(size=11, stride=8, padding=5, density=Fraction(9, 11)),
        source=f"tests of the library of {ARAUJO}; density by hand",
    ),
    Case(
        name="two same-padded paths at 9",
        layers=(SAME_PATHS,),
        input_shape=(9, 9),
        expected=Expected(size=3, stride=4, padding=1),
        source=f"tests of the library of {ARAUJO}",
    ),
    Case(
        name="two same-padded paths at 8",
        layers=(SAME_PATHS,),
        input_shape=(8, 8),
        # The first path sees [4j, 4j + 1), the second [4j, 4j + 3).
        expected=Expected(size=3, stride=4, padding=0),
        source=f"hull by hand of a net in the tests of the library of {ARAUJO}",
    ),
    Case(
        name="parallel dilations",
        layers=(
            Branches(
                (
                    (Convolution(1),),
                    (Convolution(3, padding=3, dilation=3),),
                    (Convolution(3, padding=6, dilation=6),),
                ),
                join="concatenate",
            ),
            Convolution(1),
        ),
        input_shape=(40, 44),
        visible_shape=(40, 44),
        expected=Expected(size=13, stride=1, padding=6, density=Fraction(5, 13)),
        source="by hand: each row sees 0, ±3 and ±6",
    ),
    Case(
        name="gated by a neighbour",
        layers=(
            Branches(
                ((Identity(),), (Convolution(3, padding=1), Activation("sigmoid"))),
                join="multiply",
            ),
        ),
        input_shape=(32, 32),
        weights="random",
        expected=Expected(size=3, stride=1, padding=1),
        source="by hand: the hull of one position and of three",
    ),
    Case(
        name="residual with random weights",
        layers=(
            Convolution(3, padding=1),
            Activation("relu"),
            Branches(((), (Convolution(3, padding=1), Activation("relu"), Convolution(1)))),
            Pooling(2),
        ),
        input_shape=(32, 32),
        weights="random",
        # 1 + 2 + 2 + 1.
        expected=Expected(size=6, stride=2, padding=2, outputs=16),
        source=CHAIN,
    ),
    Case(
        name="paths of different stride",
        layers=(Branches(((Convolution(1, stride=2),), (Cropping(16, 16),))),),
        input_shape=(64,),
        error=IrregularFieldError,
        source="by hand: at 64 positions both paths have 32 outputs, of stride 2 and of stride 1",
    ),
)

CAUSAL = (
    Case(
        name="causal convolution with stride",
        layers=(Padding(2, 0), Convolution(3, stride=2)),
        input_shape=(100,),
        visible_shape=(100,),
        expected=Expected(size=3, stride=2, padding=2),
        source="by hand: output j reads 2j - 2 … 2j",
    ),
    Case(
        name="temporal convolutions",
        layers=tcn(2, (1, 2)),
        input_shape=(50,),
        visible_shape=(50,),
        expected=Expected(size=7, stride=1, padding=6),
        source="1 + 2 (k - 1) sum of d, all of it in the past",
    ),
    Case(
        name="temporal convolutions, a field larger than the input",
        layers=tcn(3, (1, 2, 4, 8, 16, 32)),
        input_shape=(100,),
        expected=Expected(size=253, stride=1, padding=252),
        source="1 + 2 (k - 1) sum of d, all of it in the past",
    ),
)

HOLES = tuple(
    Case(
        name=f"dilations {', '.join(map(str, dilations))}",
        layers=tuple(Convolution(3, dilation=d) for d in dilations),
        input_shape=(64,),
        visible_shape=(100,),
        expected=Expected(size=extent, stride=1, padding=0, density=Fraction(seen, extent)),
        source="sums of {-1, 0, 1} times the dilations, counted",
    )
    for dilations, seen, extent in (
        ((2, 2, 2), 7, 13),
        ((1, 2, 3), 13, 13),
        ((1, 2, 5), 17, 17),
        ((1, 2, 9), 21, 25),
        ((2, 4, 8), 15, 29),
    )
)

# Sizes by phase: transposed 2-tap convolutions of stride 2 read like nearest upsampling, linear
# upsampling reads one neighbour more. The halo is the padding of output 0.
UNETS = tuple(
    Case(
        name=f"U-Net of depth {depth}, {way}",
        layers=unet(depth, upsampling, "max" if way == "transposed" else "average"),
        input_shape=(48, 48),
        visible_shape=None if depth == 3 or way == "transposed" else (36 * depth, 36 * depth),
        expected=Expected(size=max(phases), stride=1, padding=halo, phases=frozenset(phases)),
        source="closed form of decoders: each level adds its own halo, doubled below",
    )
    for way, upsampling, rows in (
        ("transposed", TransposedConvolution(2, stride=2), ({18}, {44}, {92, 100})),
        ("nearest", Upsampling(2), ({18}, {44}, {92, 100})),
        ("linear", Upsampling(2, mode="linear"), ({20}, {48, 52}, {108, 116})),
    )
    for depth, phases, halo in zip(
        (1, 2, 3), rows, (10, 26, 54) if way == "linear" else (8, 22, 46), strict=True
    )
)

DECODERS = (
    *UNETS,
    Case(
        name="original U-Net",
        layers=original_unet(),
        input_shape=(204, 204),
        expected=Expected(size=204, stride=1, padding=0, outputs=20, phases=frozenset({188, 204})),
        source="Ronneberger, Fischer and Brox, MICCAI 2015; at 204 as at 572",
    ),
)

GLOBAL = (
    Case(
        name="squeeze and excite",
        layers=squeeze_and_excite(),
        input_shape=(32, 40),
        expected=Expected(size=(32, 40), is_global=True),
        source="by hand: the gate holds the mean of all positions",
    ),
    Case(
        name="squeeze and excite, ignored",
        layers=squeeze_and_excite(),
        input_shape=(32, 40),
        global_paths="ignore",
        expected=Expected(size=3, stride=1, padding=1),
        source="by hand: only the 3-tap convolution is left",
    ),
    Case(
        name="instance norm",
        layers=(Convolution(3, padding=1), Normalization("instance", name="norm")),
        input_shape=(24, 20),
        expected=Expected(size=(24, 20), is_global=True),
        source="by hand: mean and variance are of all positions",
    ),
    Case(
        name="instance norm, ignored",
        layers=(Convolution(3, padding=1), Normalization("instance", name="norm")),
        input_shape=(24, 20),
        global_paths="ignore",
        expected=Expected(size=3, stride=1, padding=1),
        source="by hand: statistics count as constants",
    ),
    Case(
        name="pooled context",
        layers=(
            Branches(((Convolution(5, padding=2),), (GlobalPooling(), Convolution(1)))),
            Convolution(3, padding=1),
        ),
        input_shape=(40,),
        expected=Expected(size=40, is_global=True),
        source="by hand: the second path holds the mean of all positions",
    ),
    Case(
        name="pooled context, ignored",
        layers=(
            Branches(((Convolution(5, padding=2),), (GlobalPooling(), Convolution(1)))),
            Convolution(3, padding=1),
        ),
        input_shape=(40,),
        global_paths="ignore",
        expected=Expected(size=7, stride=1, padding=3),
        source=CHAIN,
    ),
    Case(
        name="nothing but a global mean",
        layers=(Convolution(3), GlobalPooling()),
        input_shape=(16, 16),
        error=NoSpatialAxesError,
        source="by hand: no axis of the output moves",
    ),
)

PUBLISHED = (
    Case(
        name="AlexNet",
        layers=alexnet(),
        input_shape=(224, 224),
        expected=Expected(size=195, stride=32, padding=64),
        source=f"{ARAUJO}: alexnet_v2, pool5",
    ),
    Case(
        name="AlexNet, an inner layer",
        layers=alexnet(),
        input_shape=(224, 224),
        output="conv2",
        expected=Expected(size=51, stride=8, padding=16),
        source=f"{ARAUJO}: alexnet_v2, conv2",
    ),
    Case(
        name="VGG-16",
        layers=vgg16(),
        input_shape=(224, 224),
        expected=Expected(size=212, stride=32, padding=90, outputs=7),
        source=f"{ARAUJO}: vgg_16, pool5",
    ),
    Case(
        name="ResNet-18",
        layers=resnet18(),
        input_shape=(224, 224),
        expected=Expected(size=435, stride=32, padding=217, outputs=7),
        source=f"chain formula ({ARAUJO}) over torchvision's layer4",
    ),
    Case(
        name="PatchGAN",
        layers=patchgan(),
        input_shape=(256, 256),
        expected=Expected(size=70, stride=8, outputs=30),
        source="Isola et al., CVPR 2017: 70 x 70 patches, 30 x 30 of them",
    ),
    Case(
        name="wav2vec 2.0",
        layers=wav2vec2_encoder(),
        input_shape=(16000,),
        expected=Expected(size=400, stride=320, padding=0, outputs=49),
        source="Baevski et al., NeurIPS 2020: 25 ms every 20 ms at 16 kHz",
    ),
    Case(
        name="a field larger than the input",
        layers=17 * (Convolution(3, padding=1),),
        input_shape=(8, 9),
        expected=Expected(size=35, stride=1, padding=17, outputs=(8, 9)),
        source=CHAIN,
    ),
)

REFUSED = (
    Case(
        name="an input smaller than the kernel",
        layers=(Convolution(9),),
        input_shape=(8,),
        error=RfcoreError,
        source="by hand: no window fits",
    ),
)

CASES: tuple[Case, ...] = (
    *WINDOWS,
    *SAME,
    *PATHS,
    *CAUSAL,
    *HOLES,
    *DECODERS,
    *GLOBAL,
    *PUBLISHED,
    *REFUSED,
)
"""Every case, each with a name of its own."""
