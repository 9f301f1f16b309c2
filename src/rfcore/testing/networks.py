"""Well-known networks in neutral form: layers only, no weights, any number of axes."""

from __future__ import annotations

from collections.abc import Sequence

from rfcore.layer_specs import PoolingKind
from rfcore.layers import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    GlobalPooling,
    Layer,
    Normalization,
    Padding,
    Pooling,
    TransposedConvolution,
)

__all__ = [
    "Layers",
    "alexnet",
    "original_unet",
    "patchgan",
    "resnet18",
    "squeeze_and_excite",
    "tcn",
    "unet",
    "vgg16",
    "wav2vec2_encoder",
]

Layers = tuple[Layer, ...]


def alexnet() -> Layers:
    """AlexNet as in TF-slim (alexnet_v2), without its activations.

    Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.
    """
    return (
        Convolution(11, stride=4, name="conv1"),
        Pooling(3, stride=2, name="pool1"),
        Convolution(5, padding="same", name="conv2"),
        Pooling(3, stride=2, name="pool2"),
        Convolution(3, padding="same", name="conv3"),
        Convolution(3, padding="same", name="conv4"),
        Convolution(3, padding="same", name="conv5"),
        Pooling(3, stride=2, name="pool5"),
    )


def vgg16() -> Layers:
    """VGG-16 up to its last pooling.

    Source: Simonyan and Zisserman, ICLR 2015, configuration D.
    """
    layers: list[Layer] = []
    for convolutions in (2, 2, 3, 3, 3):
        layers += convolutions * [Convolution(3, padding=1), Activation()]
        layers.append(Pooling(2))
    return tuple(layers)


def resnet18() -> Layers:
    """ResNet-18 up to its last block, with the padding of PyTorch.

    Source: He et al., CVPR 2016, table 1.
    """
    stem = (
        Convolution(7, stride=2, padding=3, name="stem"),
        Normalization(),
        Activation(),
        Pooling(3, stride=2, padding=1),
    )
    blocks: list[Layer] = []
    for stage, first_stride in enumerate((1, 2, 2, 2), start=1):
        for number, stride in enumerate((first_stride, 1), start=1):
            blocks += _residual(f"layer{stage}_{number}", stride)
    return (*stem, *blocks)


def _residual(name: str, stride: int) -> Layers:
    path = (
        Convolution(3, stride=stride, padding=1, name="conv1"),
        Normalization(),
        Activation(),
        Convolution(3, padding=1, name="conv2"),
        Normalization(),
    )
    shortcut = (Convolution(1, stride=stride), Normalization()) if stride > 1 else ()
    return Branches((path, shortcut), name=name), Activation()


def patchgan(strided: int = 3) -> Layers:
    """The discriminator of pix2pix.

    Source: Isola et al., CVPR 2017; 4-tap convolutions, the first `strided` of stride 2.
    """
    layers: list[Layer] = []
    for _ in range(strided):
        layers += [Convolution(4, stride=2, padding=1), Activation()]
    return (*layers, Convolution(4, padding=1), Activation(), Convolution(4, padding=1))


def wav2vec2_encoder() -> Layers:
    """The feature encoder of wav2vec 2.0, on raw samples.

    Source: Baevski et al., NeurIPS 2020, section 4.2.
    """
    windows = [(10, 5), *4 * [(3, 2)], *2 * [(2, 2)]]
    return tuple(Convolution(taps, stride=stride) for taps, stride in windows)


def tcn(kernel_size: int, dilations: Sequence[int]) -> Layers:
    """Residual blocks of two causal convolutions.

    Source: Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and
        Recurrent Networks for Sequence Modeling", 2018, figure 1.
    """
    return tuple(
        Branches(
            ((), 2 * (Padding(d * (kernel_size - 1), 0), Convolution(kernel_size, dilation=d)))
        )
        for d in dilations
    )


def unet(depth: int, upsampling: Layer, kind: PoolingKind = "max") -> Layers:
    """A same-padded U-Net: two 3-tap convolutions per level, 2-pooling, concatenation.

    Args:
        depth: Number of poolings.
        upsampling: What doubles the size on the way up.
        kind: The kind of pooling.
    """
    block = 2 * (Convolution(3, padding=1),)
    if depth == 0:
        return block
    below = (Pooling(2, kind=kind), *unet(depth - 1, upsampling, kind), upsampling)
    return (*block, Branches(((), below), join="concatenate"), *block)


def original_unet(crops: Sequence[int] = (88, 40, 16, 4)) -> Layers:
    """The original U-Net: nothing is padded, skip connections are cropped.

    Source: Ronneberger, Fischer and Brox, MICCAI 2015, figure 1.
    """
    block = 2 * (Convolution(3),)
    if not crops:
        return block
    crop, *inner = crops
    below = (Pooling(2), *original_unet(inner), TransposedConvolution(2, stride=2))
    skip = (Cropping(crop, crop),)
    return (*block, Branches((skip, below), join="concatenate"), *block)


def squeeze_and_excite() -> Layers:
    """A 3-tap convolution whose channels are weighted by what all positions hold.

    Source: Hu, Shen and Sun, CVPR 2018, figure 1.
    """
    gate = (
        GlobalPooling(name="squeeze"),
        Convolution(1, name="excite"),
        Activation("sigmoid"),
    )
    return (
        Convolution(3, padding=1, name="conv"),
        Branches(((), gate), join="multiply", name="se"),
    )
