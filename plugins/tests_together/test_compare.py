"""The example that compares networks across frameworks says what it claims."""

import importlib.util
import os
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "compare_resnet50.py"


@pytest.fixture(scope="module")
def example():
    for name in ("torch", "keras", "transformers"):
        pytest.importorskip(name)
    before = dict(os.environ)
    spec = importlib.util.spec_from_file_location("compare_resnet50", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.environ.clear()
    os.environ.update(before)
    return module


def test_the_two_resnets_part_at_the_stride_of_the_second_stage(example):
    compared = example.resnets()
    keras, torch = compared.layers[-1].rows
    # Published: 483 where the first 1×1 convolution strides, 427 where the 3×3 one does.
    assert keras.field.size == (483, 483)
    assert torch.field.size == (427, 427)
    assert keras.field.stride == torch.field.stride == (32, 32)
    first = compared.first
    assert first.rows[0].name == "conv3_block1_1_conv"
    assert first.rows[1].name == "encoder.stages.1.layers.0.layer.0.convolution"
    assert [d.values for d in first.differences if d.quantity == "stride"] == [(8, 4)] * 2
    assert not compared.equal
    # 1 + 16 · 3 convolutions and one pooling on the longest path, in both.
    assert len(compared.layers) == 50
    assert compared.unmatched == {}


def test_mobilenets_part_at_the_first_padding(example):
    compared = example.mobilenets()
    even, tensorflow = compared.layers[-1].rows
    # Araujo et al.: 315 pixels, stride 32, padding 126 with SAME at 224.
    assert tensorflow.field.padding == (126, 126)
    assert even.field.padding == (157, 157)
    assert even.field.size == tensorflow.field.size == (315, 315)
    assert compared.summary() == (
        "In layer conv_stem.convolution tensorflow shifts the map by 1 pixel against even "
        "from here on: padding 0 instead of 1."
    )
