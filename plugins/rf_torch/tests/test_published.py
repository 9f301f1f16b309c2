"""Published fields, measured on unmodified networks with random weights at the input they take.

The numbers are those of tests/data/published.csv, where each names its source.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

import rfcore
from nan_method import layer_output
from networks.causal import WaveNet
from networks.convnext import ConvNeXtTiny
from networks.dense import DenseNet121, GoogLeNet
from networks.from_transformers import (
    transformers_convnext_tiny,
    transformers_efficientnet_b0,
    transformers_mobilenet_v2,
    transformers_resnet50,
    transformers_segformer,
    transformers_vit,
    transformers_wav2vec2_encoder,
)
from networks.mobile import EfficientNetB0, MobileNetV2
from networks.patchgan import PatchGAN
from networks.residual import BagNet33, FCNResNet50, resnet18, resnet34, resnet50
from networks.sequence import SpliceAI10k, Wav2Vec2Encoder
from rfcore.errors import NoSpatialAxesError

PUBLISHED = Path(__file__).parents[3] / "tests" / "data" / "published.csv"
IMAGE = (3, 224, 224)


@dataclass(frozen=True)
class Row:
    """One line of the table that a PyTorch network has to reproduce."""

    network: str
    feature_map: str
    size: int
    stride: int
    padding: int | None


def torch_rows() -> list[Row]:
    with PUBLISHED.open(newline="") as file:
        return [
            Row(
                line["network"],
                line["feature_map"],
                int(line["size"]),
                int(line["stride"]),
                int(line["padding"]) if line["padding"] else None,
            )
            for line in csv.DictReader(file)
            if line["where"] in {"PyTorch padding", "PyTorch", "pix2pix", "1-D", "1-D causal"}
        ]


ROWS = {row.network: row for row in torch_rows()}

OWN: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ResNet-18": (resnet18, IMAGE),
    "ResNet-34": (resnet34, IMAGE),
    "ResNet-50 v1.5 (stride on the 3x3)": (resnet50, IMAGE),
    "MobileNetV2": (MobileNetV2, IMAGE),
    "DenseNet-121": (DenseNet121, IMAGE),
    "GoogLeNet": (GoogLeNet, IMAGE),
    "ConvNeXt-Tiny": (ConvNeXtTiny, IMAGE),
    "FCN-ResNet50": (FCNResNet50, IMAGE),
    "BagNet-33": (BagNet33, IMAGE),
    "PatchGAN n=1": (lambda: PatchGAN(1), IMAGE),
    "PatchGAN n=2": (lambda: PatchGAN(2), IMAGE),
    "PatchGAN n=3": (lambda: PatchGAN(3), IMAGE),
    "PatchGAN n=5": (lambda: PatchGAN(5), IMAGE),
    "wav2vec2 feature encoder": (Wav2Vec2Encoder, (1, 16000)),
    "WaveNet k=2 d=1..512": (WaveNet, (1, 224)),
    "WaveNet, 3 stacks": (lambda: WaveNet(3), (1, 224)),
    "SpliceAI-10k": (SpliceAI10k, (4, 224)),
}

FROM_TRANSFORMERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str | None]] = {
    "ResNet-50 v1.5 (stride on the 3x3)": (transformers_resnet50, IMAGE, "last_hidden_state"),
    "MobileNetV2": (transformers_mobilenet_v2, IMAGE, "last_hidden_state"),
    "ConvNeXt-Tiny": (transformers_convnext_tiny, IMAGE, "last_hidden_state"),
    "wav2vec2 feature encoder": (transformers_wav2vec2_encoder, (16000,), None),
}


def assert_agrees(field: rfcore.ReceptiveField, row: Row) -> None:
    axes = len(field.axes)
    assert field.size == (row.size,) * axes
    assert field.stride == (row.stride,) * axes
    assert field.is_global == (False,) * axes
    assert field.exact
    if row.padding is not None:
        assert field.padding == (row.padding,) * axes
        assert field.offset == (row.size / 2 - row.padding,) * axes
        assert field.box((0,) * axes) == ((-row.padding, row.size - row.padding),) * axes


def true_shape(model: nn.Module, layer: str, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    with torch.no_grad():
        output = layer_output(model, layer)(torch.zeros(1, *input_shape, dtype=torch.float64))
    return tuple(output.shape[2:])


def test_every_row_of_the_table_has_its_network() -> None:
    assert ROWS.keys() == OWN.keys()


@pytest.mark.parametrize("network", OWN)
def test_published_field(network: str) -> None:
    build, input_shape = OWN[network]
    row, model = ROWS[network], build().eval()
    output = None if row.feature_map == "output" else row.feature_map
    field = rfcore.estimate(model, input_shape=input_shape, output=output)
    assert_agrees(field, row)
    assert not field.notes
    assert field.input_shape == input_shape[1:]
    assert field.output_shape == true_shape(model, output or "", input_shape)
    assert field.verify(model, input_shape=input_shape, output=output).complete


@pytest.mark.parametrize("network", FROM_TRANSFORMERS)
def test_published_field_of_a_network_that_others_wrote(network: str) -> None:
    build, input_shape, output = FROM_TRANSFORMERS[network]
    model = build().eval()
    field = rfcore.estimate(model, input_shape=input_shape, output=output)
    assert_agrees(field, ROWS[network])
    assert field.verify(model, input_shape=input_shape, output=output).complete


@pytest.mark.parametrize("n_layers", [1, 2, 3, 5])
def test_padding_of_patchgan(n_layers: int) -> None:
    # Each layer pads by one of its own input pixels: strides 1, 2, …, 2^(n-1), then twice 2^n.
    padding = sum(2**layer for layer in range(n_layers)) + 2 * 2**n_layers
    field = rfcore.estimate(PatchGAN(n_layers).eval(), input_shape=IMAGE)
    assert field.padding == (padding, padding)


def test_fcn_resizes_its_scores_to_the_input() -> None:
    # Half-pixel interpolation by 8 always mixes two scores, 8 pixels apart.
    row = ROWS["FCN-ResNet50"]
    field = rfcore.estimate(FCNResNet50().eval(), input_shape=IMAGE, output="out")
    assert field.stride == (1, 1)
    assert field.output_shape == IMAGE[1:]
    for axis in field.axes:
        sizes = {hi - lo for lo, hi in map(axis.interval, range(8))}
        assert sizes == {row.size + row.stride}


def test_several_layers_from_one_call_equal_single_calls() -> None:
    model = resnet18().eval()
    names = ["maxpool", "layer1", "layer2.0.conv1", "layer3", "layer4"]
    together = rfcore.estimate(model, input_shape=IMAGE, output=names)
    assert list(together) == names
    assert together == {
        name: rfcore.estimate(model, input_shape=IMAGE, output=name) for name in names
    }
    # The stem is 7x7 stride 2 and a 3x3 pool of stride 2; layer1 has four 3x3 at stride 4.
    assert [together[name].size[0] for name in names[:2]] == [11, 11 + 4 * 2 * 4]
    assert_agrees(together["layer4"], ROWS["ResNet-18"])


@pytest.mark.parametrize(
    ("build", "output", "op", "layer"),
    [
        pytest.param(
            EfficientNetB0, None, "aten.mean", "features.1.0.conv.1.avgpool", id="efficientnet"
        ),
        pytest.param(
            transformers_efficientnet_b0,
            "last_hidden_state",
            "aten.mean",
            "encoder.blocks.0.squeeze_excite.squeeze",
            id="transformers-efficientnet",
        ),
        pytest.param(
            transformers_vit, "last_hidden_state", "attention", "layers.0.attention", id="vit"
        ),
        pytest.param(
            transformers_segformer,
            "last_hidden_state",
            "attention",
            "stages.0.blocks.0.attention",
            id="segformer",
        ),
    ],
)
def test_a_global_field_names_what_made_it_so(
    build: Callable[[], nn.Module], output: str | None, op: str, layer: str
) -> None:
    field = rfcore.estimate(build().eval(), input_shape=IMAGE, output=output)
    assert field.is_global == (True, True)
    assert field.size == IMAGE[1:]
    assert field.exact
    for axis, note in enumerate(field.notes):
        assert f"axis {axis}" in note
        assert op in note
        assert f"'{layer}" in note
        assert 'global_paths="ignore"' in note
    assert len(field.notes) == 2


@pytest.mark.parametrize(
    ("build", "output"),
    [
        pytest.param(EfficientNetB0, None, id="own"),
        pytest.param(transformers_efficientnet_b0, "last_hidden_state", id="transformers"),
        pytest.param(lambda: EfficientNetB0(squeeze_excite=False), None, id="without-gates"),
    ],
)
def test_local_field_of_efficientnet(build: Callable[[], nn.Module], output: str | None) -> None:
    field = rfcore.estimate(build().eval(), input_shape=IMAGE, output=output, global_paths="ignore")
    assert (field.size, field.stride) == ((851, 851), (32, 32))
    assert field.is_global == (False, False)


def test_group_norm_over_time_makes_the_base_model_of_wav2vec2_global() -> None:
    model = Wav2Vec2Encoder(norm="group").eval()
    field = rfcore.estimate(model, input_shape=(1, 16000))
    assert field.is_global == (True,)
    assert "'conv_layers.0.1'" in field.notes[0]
    local = rfcore.estimate(model, input_shape=(1, 16000), global_paths="ignore")
    assert_agrees(local, ROWS["wav2vec2 feature encoder"])


@pytest.mark.parametrize(
    "head",
    [
        pytest.param((nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)), id="pooled"),
        pytest.param((nn.Flatten(), nn.Linear(64 * 7 * 7, 10)), id="flattened"),
    ],
)
def test_logits_name_the_last_layer_with_spatial_axes(head: tuple[nn.Module, ...]) -> None:
    model = nn.Sequential(resnet18(), *head).eval()
    with pytest.raises(NoSpatialAxesError, match=r"shape \(1, 10\) and no spatial axes") as caught:
        rfcore.estimate(model, input_shape=IMAGE)
    assert caught.value.last_spatial == "0"
    assert f"output={caught.value.last_spatial!r}" in caught.value.hint
    advised = rfcore.estimate(model, input_shape=IMAGE, output=caught.value.last_spatial)
    assert_agrees(advised, ROWS["ResNet-18"])
