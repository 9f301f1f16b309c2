"""Fields of written-out networks against hand-derived numbers and published closed forms."""

from fractions import Fraction

import pytest

import rfcore
from rfcore.errors import (
    InputShapeError,
    IrregularFieldError,
    NoSpatialAxesError,
    TruncatedFieldError,
)
from rfcore.layers import (
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    GlobalPooling,
    Identity,
    Normalization,
    Padding,
    Pooling,
    Roll,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)


def geometry(field, axis=0):
    one = field.axes[axis]
    return one.size, one.stride, one.padding, one.output_size


# (size, stride, padding, outputs), by the chain formula in the head of closed forms:
# size 1 + sum (e - 1) J, stride product of s, padding sum of p J, with e = d (k - 1) + 1.
CHAINS = {
    "one convolution": ([Convolution(5)], 20, (5, 1, 0, 16)),
    "stride and padding": ([Convolution(7, stride=2, padding=3)], 224, (7, 2, 3, 112)),
    "dilation": ([Convolution(3, padding=2, dilation=2)], 20, (5, 1, 2, 20)),
    "pooling strides by its kernel": ([Pooling(3)], 20, (3, 3, 0, 6)),
    "resnet stem": (
        [Convolution(7, stride=2, padding=3), Identity(), Pooling(3, stride=2, padding=1)],
        224,
        (11, 4, 5, 56),
    ),
    "padding layer": ([Padding(3, 1), Convolution(3)], 10, (3, 1, 3, 12)),
    "cropping layer": ([Cropping(2, 3), Convolution(3)], 20, (3, 1, -2, 13)),
    # Output j of a 4-tap transposed convolution of stride 2 and padding 1 reads the inputs
    # around (j + 1) / 2: two of them, [j // 2 - 1 or j // 2, …).
    "transposed convolution": ([TransposedConvolution(4, 2, 1)], 10, (2, Fraction(1, 2), 1, 20)),
    "nearest upsampling": ([Upsampling(2)], 10, (1, Fraction(1, 2), 0, 20)),
    # Output 0 lies at -1/4, between input -1 (in the border) and 0.
    "linear upsampling": ([Upsampling(2, "linear")], 10, (2, Fraction(1, 2), 1, 20)),
    "odd linear upsampling": ([Upsampling(3, "linear")], 10, (2, Fraction(1, 3), 1, 30)),
    # Output 0 lies at -1/4, between inputs -1 and 0, and reads one more on either side.
    "cubic upsampling": ([Upsampling(2, "cubic")], 10, (4, Fraction(1, 2), 2, 20)),
    # Output 2i lies at i - i / (2n - 1), below input i and never as far as i - 1.
    "aligned upsampling": ([Upsampling(2, "aligned")], 10, (2, Fraction(1, 2), 1, 20)),
    "pixel shuffle": ([DepthToSpace(2)], 10, (1, Fraction(1, 2), 0, 20)),
    "pixel unshuffle": ([SpaceToDepth(2), Convolution(3)], 10, (6, 2, 0, 3)),
    # It keeps the positions 1, 4, 7, …, 19.
    "strided slicing": ([Subsampling(3, start=1), Convolution(3)], 20, (7, 3, -1, 5)),
    "reflected border": ([Padding(2, 1, "reflect"), Convolution(3)], 10, (3, 1, 2, 11)),
    "repeated border": ([Padding(2, 1, "edge"), Convolution(3)], 10, (3, 1, 2, 11)),
    "circular border": ([Padding(2, 1, "circular"), Convolution(3)], 10, (3, 1, 2, 11)),
    # Output j reads j - 2 … j.
    "roll": ([Roll(2), Convolution(3)], 10, (3, 1, 2, 8)),
    # Output j reads the flipped 2j … 2j + 2, which are the inputs 9 - 2j down to 7 - 2j.
    "flip": ([Flip(), Convolution(3, stride=2)], 10, (3, -2, -7, 4)),
    "groups": ([Convolution(3, groups=2)], 10, (3, 1, 0, 8)),
    "convolution sees across the upsampling": (
        [Upsampling(2), Convolution(3, padding=1)],
        10,
        (2, Fraction(1, 2), 1, 20),
    ),
}


@pytest.mark.parametrize(("layers", "n", "expected"), CHAINS.values(), ids=CHAINS)
def test_chain_has_the_geometry_of_the_formula(layers, n, expected):
    assert geometry(rfcore.estimate(layers, input_shape=(n,))) == expected


def test_a_mirrored_field_larger_than_the_input_keeps_its_place():
    # Output j reads the flipped j - 7 … j + 7: the inputs 9 - (j + 7) up to 9 - (j - 7).
    field = rfcore.estimate([Flip(), Convolution(15, padding=7)], input_shape=(10,))
    assert geometry(field) == (15, -1, -2, 10)


def test_a_flip_of_one_axis_leaves_the_other():
    field = rfcore.estimate([Flip((1, 0)), Convolution(2)], input_shape=(10, 12))
    # Output j reads the inputs 9 - j and 8 - j; along the other axis j and j + 1.
    assert geometry(field, 0) == (2, -1, -8, 9)
    assert geometry(field, 1) == (2, 1, 0, 11)


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        pytest.param([Padding(5, 0, "reflect")], "at most 4 more on a side", id="reflect"),
        pytest.param([Padding(0, 6, "circular")], "at most 5 more on a side", id="circular"),
        pytest.param([SpaceToDepth(2)], "2 does not divide", id="unshuffle"),
        pytest.param([Subsampling(2, start=5)], "leaves it no output", id="nothing left"),
    ],
)
def test_a_size_that_a_layer_cannot_take_is_refused(layers, problem):
    with pytest.raises(InputShapeError, match=problem) as raised:
        rfcore.estimate(layers, input_shape=(5,))
    assert raised.value.hint


def test_aligned_corners_have_no_law():
    # Output 3i + 1 lies at i + (n - 1 - 2i) / (3n - 1), on either side of input i.
    with pytest.raises((IrregularFieldError, TruncatedFieldError)):
        rfcore.estimate([Upsampling(3, "aligned")], input_shape=(10,))


@pytest.mark.parametrize(
    ("n", "padding", "outputs"),
    [
        pytest.param(8, 0, 4, id="even: one zero, at the high end"),
        pytest.param(9, 1, 5, id="odd: a zero on either side"),
    ],
)
def test_same_padding_depends_on_the_input_size(n, padding, outputs):
    # TensorFlow: total = max((ceil(n / 2) - 1) * 2 + 3 - n, 0), low = total // 2.
    field = rfcore.estimate([Convolution(3, 2, "same")], input_shape=(n,))
    assert geometry(field) == (3, 2, padding, outputs)


def test_same_padding_is_chosen_per_axis():
    field = rfcore.estimate([Convolution((3, 5), (2, 1), "same")], input_shape=(8, 9))
    assert geometry(field, 0) == (3, 2, 0, 4)
    assert geometry(field, 1) == (5, 1, 2, 9)


# Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
# 2019: the two-path nets in the tests of its library; the hull at 8×8 is derived by hand.
TO_STRIDE_2 = (Padding(1, 0), Convolution(3, stride=2))
TWO_PATHS = Branches(
    ((Convolution(1, stride=4),), (*TO_STRIDE_2, Convolution(1, stride=2))),
)
SAME_PATHS = Branches(
    (
        (Convolution(1, stride=4, padding="same"),),
        (Convolution(3, stride=2, padding="same"), Convolution(1, stride=2, padding="same")),
    )
)
TWO_PATH_NETS = {
    "aligned": ([TWO_PATHS], 224, (3, 4, 1)),
    "two such joins": (
        [TWO_PATHS, Identity(), Branches(((Convolution(1, stride=2),), TO_STRIDE_2))],
        224,
        (11, 8, 5),
    ),
    "same padding at 9": ([SAME_PATHS], 9, (3, 4, 1)),
    # The first path sees [4j, 4j + 1), the second [4j, 4j + 3).
    "same padding at 8, centres differ": ([SAME_PATHS], 8, (3, 4, 0)),
}


@pytest.mark.parametrize(("net", "n", "expected"), TWO_PATH_NETS.values(), ids=TWO_PATH_NETS)
def test_two_paths_are_seen_as_their_hull(net, n, expected):
    field = rfcore.estimate(net, input_shape=(n, n))
    assert geometry(field, 0)[:3] == geometry(field, 1)[:3] == expected


def test_axes_are_independent():
    # Same source: (h 3, w 5) stride 2 valid, then (h 3, w 1) stride 2 valid.
    net = [Convolution((3, 5), stride=2), Convolution((3, 1), stride=2)]
    field = rfcore.estimate(net, input_shape=(64, 64))
    assert (field.size, field.stride, field.padding) == ((7, 5), (4, 4), (0, 0))


def test_paths_of_different_stride_have_no_field():
    # At 64 positions both paths give 32 outputs, one of stride 2 and one of stride 1.
    net = [Branches(((Convolution(1, stride=2),), (Cropping(16, 16),)))]
    with pytest.raises(IrregularFieldError, match="no single stride on axis 0"):
        rfcore.estimate(net, input_shape=(64,))


BLOCK = (Convolution(3, padding=1), Convolution(3, padding=1))
VALID_BLOCK = (Convolution(3), Convolution(3))


def unet(depth, upsampling):
    """Same-padded: two 3-tap convolutions per level, 2-pooling, upsampling, concatenation."""
    if depth == 0:
        return BLOCK
    below = (Pooling(2), *unet(depth - 1, upsampling), upsampling)
    return (*BLOCK, Branches(((), below), join="concatenate"), *BLOCK)


def valid_unet(crops):
    """As in Ronneberger et al. 2015: nothing is padded, skip connections are cropped."""
    if not crops:
        return VALID_BLOCK
    crop, *inner = crops
    below = (Pooling(2), *valid_unet(inner), TransposedConvolution(2, stride=2))
    skip = (Cropping(crop, crop),)
    return (*VALID_BLOCK, Branches((skip, below), join="concatenate"), *VALID_BLOCK)


def phase_sizes(axis):
    return sorted(high - low for low, high in map(axis.interval, range(axis.period)))


# Sizes by phase of U-Nets, from the closed forms of decoders: transposed 2-tap convolution of
# stride 2 and nearest upsampling read alike, bilinear upsampling reads one neighbour more.
UNET_SIZES = {1: {18}, 2: {44}, 3: {92, 100}, 4: {188, 204}, 5: {380, 412}}
BILINEAR_SIZES = {1: {20}, 2: {48, 52}, 3: {108, 116}, 4: {220, 236}, 5: {444, 476}}
DECODERS = {
    f"{name}, depth {depth}": (layer, depth, expected)
    for name, layer, sizes in [
        ("transposed", TransposedConvolution(2, stride=2), UNET_SIZES),
        ("nearest", Upsampling(2), UNET_SIZES),
        ("bilinear", Upsampling(2, mode="linear"), BILINEAR_SIZES),
    ]
    for depth, expected in sizes.items()
}


@pytest.mark.parametrize(("layer", "depth", "expected"), DECODERS.values(), ids=DECODERS)
def test_unet_has_the_published_sizes_by_phase(layer, depth, expected):
    field = rfcore.estimate(unet(depth, layer), input_shape=(256,))
    assert set(phase_sizes(field.axes[0])) == expected
    assert (field.stride, field.axes[0].period) == ((1,), 2**depth)


def test_original_unet_has_two_kinds_of_phases():
    # 572 → 388; 188 pixels for 4 of its 16 phases, 204 for 12 (closed forms of decoders).
    field = rfcore.estimate(valid_unet([88, 40, 16, 4]), input_shape=(572, 572))
    assert field.output_shape == (388, 388)
    assert phase_sizes(field.axes[1]) == [188] * 4 + [204] * 12


# Positions seen and extent, 3 taps, stride 1 (gridding; the sums of {-1, 0, 1} times dilations).
HOLES = {
    (2, 2, 2): (7, 13),
    (1, 2, 3): (13, 13),
    (1, 2, 5): (17, 17),
    (1, 2, 9): (21, 25),
    (2, 4, 8): (15, 29),
}


@pytest.mark.parametrize(("dilations", "expected"), HOLES.items(), ids=map(str, HOLES))
def test_density_counts_the_holes_of_dilation(dilations, expected):
    field = rfcore.estimate([Convolution(3, dilation=d) for d in dilations], input_shape=(64,))
    seen, extent = expected
    assert (field.size, field.density) == ((extent,), (Fraction(seen, extent),))


def tcn(kernel_size, dilations):
    """Residual blocks of two causal convolutions, as in Bai et al. 2018."""
    return [
        Branches(
            ((), 2 * (Padding(d * (kernel_size - 1), 0), Convolution(kernel_size, dilation=d)))
        )
        for d in dilations
    ]


# 1 + 2 (k - 1) · sum of dilations, all of it in the past.
@pytest.mark.parametrize(
    ("kernel_size", "blocks", "size"),
    [
        pytest.param(2, 2, 7, id="k2 d1,2"),
        pytest.param(3, 6, 253, id="k3 d1…32"),
        pytest.param(4, 7, 763, id="k4 d1…64"),
    ],
)
def test_tcn_sees_the_past_only(kernel_size, blocks, size):
    field = rfcore.estimate(tcn(kernel_size, [2**i for i in range(blocks)]), input_shape=(100,))
    assert field.box((50,)) == ((50 - size + 1, 51),)


def test_a_strided_causal_convolution_keeps_its_anchor():
    # Output j of k 3, s 2 with 2 zeros in front reads 2j - 2 … 2j.
    field = rfcore.estimate([Padding(2, 0), Convolution(3, stride=2)], input_shape=(100,))
    assert field.box((10,)) == ((18, 21),)


def test_global_pooling_makes_the_field_global_and_is_named():
    squeeze = Branches(((), (GlobalPooling(), Convolution(1, name="excite"))), name="se")
    net = [Convolution(3, padding=1), squeeze]
    field = rfcore.estimate(net, input_shape=(32, 40))
    assert field.is_global == (True, True)
    assert field.size == (32, 40)
    assert "GlobalPooling in 'se.1.0'" in field.notes[0]
    assert rfcore.estimate(net, input_shape=(32, 40), global_paths="ignore").size == (3, 3)


def test_instance_norm_is_global_and_can_be_ignored():
    net = [Convolution(3, padding=1), Normalization("instance", name="norm")]
    field = rfcore.estimate(net, input_shape=(32, 40))
    assert field.is_global == (True, True)
    assert "Normalization in 'norm'" in field.notes[0]
    assert rfcore.estimate(net, input_shape=(32, 40), global_paths="ignore").size == (3, 3)


def test_a_globally_pooled_output_has_no_axes():
    with pytest.raises(NoSpatialAxesError, match="output='last'") as raised:
        rfcore.estimate([Convolution(3, name="last"), GlobalPooling()], input_shape=(8, 8))
    assert raised.value.last_spatial == "last"


def test_three_dimensions():
    net = [Convolution((1, 3, 3), padding=(0, 1, 1)), Pooling((2, 2, 1))]
    field = rfcore.estimate(net, input_shape=(16, 20, 24))
    assert (field.size, field.stride) == ((2, 4, 3), (2, 2, 1))


def test_channels_may_be_there():
    field = rfcore.estimate([Convolution(3)], input_shape=(3, 20, 30), layout="NCHW")
    assert (field.size, field.input_shape) == ((3, 3), (20, 30))
