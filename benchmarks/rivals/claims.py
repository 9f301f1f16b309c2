"""What the page says about each tool, and the outcomes that every sentence rests on."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from subjects import KERAS, TF1, TORCH

__all__ = ["CLAIMS", "Claim"]


@dataclass(frozen=True)
class Claim:
    """A sentence that holds if a tool came to this verdict on all of these networks.

    Args:
        tool: The heading that it stands under.
        framework: Key of the framework.
        contestant: Title of the contestant.
        verdict: Of which kind every outcome has to be; empty for a limit, which has none.
        networks: The networks asked about.
        sentence: What is said.
        text: What has to occur in every answer, or in the error.
        times: Between what the time of each has to be, as a multiple of rfcore's.
    """

    tool: str
    framework: str
    contestant: str
    verdict: str
    networks: tuple[str, ...]
    sentence: str
    text: str = ""
    times: tuple[float, float] = (0, inf)

    @property
    def title(self) -> str:
        return f"**{self.tool}**"


SCAN, SCAN_02 = "torchscan 0.1.2", "torchscan 0.2.0"
RF_CALC = "rf-calc 0.0.7"
SEARCH = "receptive-field-calculation 0.0.0.dev1"
AS_IS, EDITED = "receptivefield 0.5.0, as is", "receptivefield 0.5.0, edited network"
RFA = "rfa-toolbox 1.7.0"
CONTRIB = "tf.contrib.receptive_field"

CLAIMS = (
    Claim(
        *("rfcore", "torch", "rfcore", "right", tuple(subject.name for subject in TORCH)),
        "Right on every network here of PyTorch, as it is: size, stride and padding of each axis, "
        "from 1-D to 3-D, and a field that is global is called so.",
    ),
    Claim(
        *("rfcore", "keras", "rfcore", "right", tuple(subject.name for subject in KERAS)),
        "The same holds for Keras.",
    ),
    Claim(
        *("rfcore", "tf1", "rfcore", "right", tuple(subject.name for subject in TF1)),
        "And for graphs of TensorFlow 1.",
    ),
    Claim(
        *("rfcore", "keras", "one forward", "", ("ResNet-50",)),
        "It is not free. It traces the network anew, so that one compiled forward of a ResNet-50 "
        "at 224 pixels takes less time than its field.",
        times=(0, 1),
    ),
    Claim(
        *(CONTRIB, "tf1", CONTRIB, "right"),
        ("VGG-16", "ResNet-50", "InceptionV3", "unequal axes", "two branches"),
        "The library of Araujo, Norris and Sim is right about all that it answers, padding "
        "included, and takes at most half of rfcore's time: it is arithmetic over a graph that is "
        "already there. Where it runs, and for such networks, nothing speaks against it.",
        times=(0, 0.5),
    ),
    Claim(
        *(CONTRIB, "tf1", CONTRIB, "refused", ("U-Net", "dilated stack", "squeeze-excite")),
        "It refuses what it does not know, and names it, rather than guess: transposed and dilated "
        "convolutions as TensorFlow 1 writes them, and a sigmoid.",
        "Unknown layer",
    ),
    Claim(
        *(CONTRIB, "keras", CONTRIB, "refused", ("VGG-16",)),
        "It takes graphs with TensorFlow 1's own variables, not those that Keras writes, and it "
        "ended with TensorFlow 1.",
        "does not end with '/read'",
    ),
    Claim(
        *(SCAN, "torch", SCAN, "right", ("VGG-16", "MobileNet", "dilated stack")),
        "Right on chains of layers, dilation included. It runs the network once.",
    ),
    Claim(
        *(SCAN, "torch", SCAN, "wrong", ("ResNet-50", "InceptionV3", "U-Net")),
        "Layers are added up in the order in which they are called, as if there were one path. "
        "Where a network has several that stride or widen, the number is wrong, and no "
        "error is raised.",
    ),
    Claim(
        *(SCAN_02, "torch", SCAN_02, "wrong", ("VGG-16", "ResNet-50")),
        "In 0.2.0 the column *receptive field* is each layer's own kernel; the field of the "
        "network is not told any more.",
    ),
    Claim(
        *(RF_CALC, "torch", RF_CALC, "right", ("VGG-16", "MobileNet")),
        "Reads the printed form of a model, in a small part of the time that anything else takes, "
        "and is right on chains of square 2-D convolutions and max-pooling. It tells the size "
        "alone.",
        times=(0, 0.2),
    ),
    Claim(
        *(RF_CALC, "torch", RF_CALC, "wrong", ("ResNet-50", "InceptionV3", "U-Net")),
        "Knows one path and no transposed convolution.",
    ),
    Claim(
        *(RF_CALC, "torch", RF_CALC, "wrong"),
        ("dilated stack", "DenseNet-121", "functional pooling"),
        "Dilation and average pooling are not looked at, and what is no module is not seen.",
    ),
    Claim(
        *("receptivefield 0.5.0", "torch", AS_IS, "nothing", ("ResNet-50", "MobileNet")),
        "Measures the gradient at an image of zeros. On unmodified deep networks none arrives: the "
        "size is 0 and the stride NaN, without an error.",
    ),
    Claim(
        *("receptivefield 0.5.0", "torch", AS_IS, "wrong", ("VGG-16", "U-Net")),
        "On others some of it arrives, and the field comes out too small.",
    ),
    Claim(
        *("receptivefield 0.5.0", "torch", EDITED, "right", ("VGG-16", "ResNet-50", "MobileNet")),
        "With the network edited as its documentation advises, and an input into which the field "
        "fits, it is right on these of PyTorch, at three times rfcore's time or more.",
        times=(3, inf),
    ),
    Claim(
        *("receptivefield 0.5.0", "torch", EDITED, "refused", ("InceptionV3", "DenseNet-121")),
        "A field of more than a thousand pixels takes more memory or time than was allowed.",
    ),
    Claim(
        *("receptivefield 0.5.0", "torch", EDITED, "wrong", ("U-Net",)),
        "The stride is the difference of two neighbours, which in a decoder is 0.",
        "44 / 0 /",
    ),
    Claim(
        *("receptivefield 0.5.0", "torch", EDITED, "wrong", ("unequal axes",)),
        "With PyTorch width and height are exchanged.",
        "5 × 3",
    ),
    Claim(
        *("receptivefield 0.5.0", "keras", "receptivefield 0.5.0, Keras 3", "refused"),
        ("VGG-16",),
        "It does not run with Keras 3.",
    ),
    Claim(
        *(RFA, "keras", RFA, "right", ("VGG-16", "ResNet-50", "MobileNet", "InceptionV3")),
        "Right on the sizes and strides of encoders, several paths included, in at most half of "
        "rfcore's time: it reads the configuration of a Keras model. It tells no padding or "
        "offset.",
        times=(0, 0.5),
    ),
    Claim(
        *(RFA, "keras", RFA, "wrong", ("transposed",)),
        "A transposed convolution counts like a strided one.",
    ),
    Claim(
        *(RFA, "keras", RFA, "wrong", ("dilated stack",)),
        "Dilation is not looked at.",
    ),
    Claim(
        *(SEARCH, "torch", SEARCH, "wrong", ("wav2vec 2.0",)),
        "Searches for the shortest piece of a signal that fixes one output, from a fixed position "
        "on; where the layers stride, that is longer than the field. It takes 1-D input.",
    ),
)
