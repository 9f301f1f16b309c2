"""The built-in backend: what it accepts, how it names layers, what it refuses."""

import numpy as np
import pytest

import rfcore
from rfcore.errors import (
    BackendCapabilityError,
    InputShapeError,
    LayerSpecError,
    OptionError,
    UnknownLayerError,
)
from rfcore.hookspecs import Backend
from rfcore.layers import (
    Branches,
    Convolution,
    Cropping,
    GlobalPooling,
    Identity,
    LayersBackend,
    Pooling,
    TransposedConvolution,
)

BACKEND = LayersBackend()


def test_it_is_a_backend():
    assert isinstance(BACKEND, Backend)
    assert rfcore.backends()[0].name == "layers"


@pytest.mark.parametrize(
    ("model", "accepted"),
    [
        ("conv 3", True),
        ("stem: conv 3, up 2", True),
        ("[skip | conv 3 p1]+", True),
        ("MaxPool 2", True),
        ("conv.onnx", False),
        ("conv/model.pt", False),
        ("resnet50", False),
        ("", False),
        ([Convolution(3)], True),
        ((Convolution(3), Identity()), True),
        (Convolution(3), True),
        ([], False),
        ((), False),
        ([Convolution(3), "conv 3"], False),
        ([1, 2], False),
        (np.zeros(3), False),
        (None, False),
        (len, False),
    ],
    ids=repr,
)
def test_it_accepts_layers_only(model, accepted):
    assert BACKEND.accepts(model) is accepted


@pytest.mark.parametrize(
    ("model", "layout", "shape"),
    [
        pytest.param("conv 3", None, (1, 224), id="any number of axes: one"),
        pytest.param("conv 3, [skip | conv 3x5 same]+", None, (1, 224, 224), id="as its tuples"),
        pytest.param("maxpool 1x2x2", None, (1, 224, 224, 224), id="three"),
        pytest.param("conv 3", "NHW", (1, 224, 224), id="as the layout"),
    ],
)
def test_without_input_shape_the_layers_say_how_many_axes(model, layout, shape):
    assert BACKEND.input_spec(model, None, layout, None).shape == shape


def test_layers_are_addressed_by_name_or_number():
    net = [
        Convolution(3, name="stem"),
        Branches(((Convolution(3, padding=1), Identity(name="act")), ()), name="mix"),
        Branches(((), (Pooling(1),))),
    ]
    trace = BACKEND.trace(net, BACKEND.input_spec(net, (9,), None, None))
    assert list(trace.values) == ["stem", "mix.0.0", "mix.0.act", "mix", "2.1.0", "2", ""]
    assert trace.graph.nodes[trace.values["stem"]].label == "Convolution in 'stem'"
    fields = rfcore.estimate(net, input_shape=(9,), output=["stem", "mix.0.act", ""])
    assert [field.size for field in fields.values()] == [(3,), (5,), (5,)]


def test_an_unknown_layer_is_answered_with_the_nearest():
    with pytest.raises(UnknownLayerError) as raised:
        rfcore.estimate([Convolution(3, name="stem")], output="sten")
    assert raised.value.nearest == ("stem",)


def test_a_size_that_is_too_small_names_the_layer():
    net = [Pooling(4), Convolution(5, name="wide")]
    with pytest.raises(InputShapeError, match="Convolution 'wide' gets 2 positions on axis 1"):
        rfcore.estimate(net, input_shape=(32, 8))
    # What runs before it can still be measured.
    assert rfcore.estimate(net, input_shape=(32, 8), output="0").size == (4, 4)


def test_cropping_everything_is_refused():
    with pytest.raises(InputShapeError, match="Cropping '0' gets 4 positions on axis 0"):
        rfcore.estimate([Cropping(2, 2)], input_shape=(4,))


def test_paths_of_different_length_are_refused():
    net = [Branches(((), (Convolution(3),)))]
    with pytest.raises(InputShapeError, match=r"layer '0' different lengths: \(8,\) and \(6,\)"):
        rfcore.estimate(net, input_shape=(8,))


def test_concatenation_does_not_broadcast():
    paths = ((), (GlobalPooling(),))
    added = rfcore.estimate([Branches(paths, join="add")], input_shape=(8,))
    assert added.output_shape == (8,)
    with pytest.raises(InputShapeError, match="different lengths"):
        rfcore.estimate([Branches(paths, join="concatenate")], input_shape=(8,))


def test_there_is_no_gradient_to_measure():
    with pytest.raises(BackendCapabilityError, match="no weights") as raised:
        rfcore.estimate([Convolution(3)], method="gradient")
    assert raised.value.backend == "layers"


def test_there_is_one_input():
    with pytest.raises(OptionError, match="input='mask' is not known"):
        rfcore.estimate([Convolution(3)], input="mask")


@pytest.mark.parametrize("model", [(), [], ""], ids=repr)
def test_an_empty_network_is_refused(model):
    with pytest.raises(LayerSpecError, match="there is no layer"):
        rfcore.estimate(model, backend="layers")


def test_something_else_among_the_layers_is_refused():
    with pytest.raises(LayerSpecError, match=r"'conv 3'.*it is not a layer"):
        rfcore.estimate([Convolution(3), "conv 3"], backend="layers")


def test_parameters_for_another_number_of_axes_are_refused():
    with pytest.raises(LayerSpecError, match="it is for 2 axes, the input has 1"):
        rfcore.estimate([Convolution((3, 5))], input_shape=(20,))


# PyTorch's own counts for MaxPool1d(kernel_size, stride, padding, ceil_mode=True), by its
# documented rule: a last window counts if it begins inside the input or the low padding.
@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding", "n", "outputs"),
    [
        pytest.param(3, 2, 0, 112, 56, id="googlenet: 111 positions of windows and one more"),
        pytest.param(2, 2, 0, 5, 3, id="half a window left over"),
        pytest.param(2, 2, 0, 6, 3, id="nothing left over"),
        pytest.param(2, 2, 1, 5, 3, id="the partial window would begin in the padding"),
        pytest.param(3, 2, 0, 2, 1, id="not one whole window"),
    ],
)
def test_ceil_mode_counts_partial_windows(kernel_size, stride, padding, n, outputs):
    layer = Pooling(kernel_size, stride=stride, padding=padding, ceil_mode=True)
    trace = BACKEND.trace([layer], BACKEND.input_spec([layer], (n,), None, None))
    assert trace.shapes[""] == (1, outputs)


@pytest.mark.parametrize(
    ("layer", "outputs"),
    [
        # (n - 1) s - 2 p + d (k - 1) + output_padding + 1, PyTorch's ConvTranspose1d.
        pytest.param(TransposedConvolution(3, 2, 1), 19, id="one less than twice as many"),
        pytest.param(TransposedConvolution(3, 2, 1, output_padding=1), 20, id="output padding"),
        pytest.param(TransposedConvolution(3, 1, 0, 4), 18, id="dilation"),
    ],
)
def test_lengths_of_transposed_convolutions(layer, outputs):
    trace = BACKEND.trace([layer], BACKEND.input_spec([layer], (10,), None, None))
    assert trace.shapes[""] == (1, outputs)
