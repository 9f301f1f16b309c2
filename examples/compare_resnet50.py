"""Where two writings of one network part: Keras' ResNet-50 and PyTorch's, MobileNet padded twice.

Run it with `python examples/compare_resnet50.py`. The weights are random and nothing is
downloaded. Keras strides in the first 1×1 convolution of a stage, as the paper does, PyTorch in
the 3×3 one after it: from there on the two see other pixels, 483 against 427 in the end. MobileNet
in TensorFlow pads as SAME does, more at the high end; the same layers padded evenly see as much,
moved by 31 pixels.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import rfcore


def keras_resnet50() -> Any:
    """ResNet-50 of `keras.applications`, without its head."""
    from keras.applications import ResNet50

    return ResNet50(weights=None, include_top=False, input_shape=(224, 224, 3))


def torch_resnet50() -> Any:
    """ResNet-50 of `transformers`, the same layers as torchvision's."""
    from transformers import ResNetConfig, ResNetModel

    return ResNetModel(ResNetConfig()).eval()


def mobilenet(*, tf_padding: bool) -> Any:
    """MobileNet (v1) of `transformers`, padded as in TensorFlow or evenly."""
    from transformers import MobileNetV1Config, MobileNetV1Model

    return MobileNetV1Model(MobileNetV1Config(tf_padding=tf_padding)).eval()


def resnets() -> rfcore.Comparison:
    """Keras' ResNet-50 against PyTorch's."""
    return rfcore.compare(
        {"keras": keras_resnet50(), "torch": torch_resnet50()},
        input_shape={"keras": (224, 224, 3), "torch": (3, 224, 224)},
    )


def mobilenets() -> rfcore.Comparison:
    """MobileNet with TensorFlow's padding against even padding."""
    return rfcore.compare(
        {"even": mobilenet(tf_padding=False), "tensorflow": mobilenet(tf_padding=True)},
        input_shape=(3, 224, 224),
    )


def main() -> None:
    """Prints where they part."""
    for title, compared in (("ResNet-50", resnets()), ("MobileNet", mobilenets())):
        last = compared.layers[-1]
        print(title)
        print(compared.summary())
        for name, row in zip(compared.names, last.rows, strict=True):
            print(f"  in the end, {name}: {row.field!r}")
        print()


if __name__ == "__main__":
    main()
