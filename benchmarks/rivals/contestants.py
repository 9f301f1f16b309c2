"""Who is asked, in which environment, about which networks, and how its row is called."""

from __future__ import annotations

from dataclasses import dataclass

from environments import HERE, Environment
from subjects import KERAS, TF1, TORCH, Subject

__all__ = ["FRAMEWORKS", "Contestant", "Framework"]

NEW_TORCH = ("torch==2.13.0",)
KERAS_2 = ("tensorflow-cpu==2.15.1", "numpy<2")

TORCHSCAN_01 = Environment(
    "torchscan 0.1.2",
    ("torchscan==0.1.2", *NEW_TORCH),
    around=(NEW_TORCH, ("--no-deps", "torchscan==0.1.2")),
)
TORCHSCAN_02 = Environment("torchscan 0.2.0", ("torchscan==0.2.0", *NEW_TORCH))
RF_CALC = Environment("rf-calc 0.0.7", ("rf-calc==0.0.7", *NEW_TORCH))
RF_CALCULATION = Environment(
    "receptive-field-calculation 0.0.0.dev1",
    ("receptive-field-calculation==0.0.0.dev1", *NEW_TORCH),
)
OLD_PIP = ("pip<23.3",)
RECEPTIVEFIELD_TORCH = Environment(
    "receptivefield 0.5.0 (PyTorch)",
    ("receptivefield==0.5.0", *NEW_TORCH),
    around=(OLD_PIP, ("receptivefield==0.5.0", *NEW_TORCH)),
)
RECEPTIVEFIELD_KERAS_3 = Environment(
    "receptivefield 0.5.0 (Keras 3)",
    ("receptivefield==0.5.0", "tensorflow-cpu==2.21.0"),
    around=(OLD_PIP, ("receptivefield==0.5.0", "tensorflow-cpu==2.21.0")),
)
RECEPTIVEFIELD_KERAS_2 = Environment(
    "receptivefield 0.5.0 (Keras 2)",
    ("receptivefield==0.5.0", *KERAS_2),
    around=(OLD_PIP, ("receptivefield==0.5.0", *KERAS_2)),
)
RFA_TOOLBOX = Environment(
    "rfa-toolbox 1.7.0 (Keras 2)",
    ("rfa-toolbox==1.7.0", *KERAS_2),
    around=(("rfa-toolbox==1.7.0", *KERAS_2),),
    python="3.10",
)
CONTRIB = Environment(
    "tf.contrib.receptive_field (TensorFlow 1.15.5)",
    ("tensorflow==1.15.5",),
    around=(("tensorflow==1.15.5", "protobuf<3.21", "numpy<1.19"),),
    python="3.7",
)


@dataclass(frozen=True)
class Contestant:
    """A row of the tables.

    Args:
        title: What the row is called.
        key: Module and function that ask.
        environment: Where it is asked.
        answers: Whether it has an answer, or only takes time.
        needs_room: Whether the whole field has to fit in the input.
        only: The networks that it is asked about; all without it.
    """

    title: str
    key: str
    environment: Environment = HERE
    answers: bool = True
    needs_room: bool = False
    only: frozenset[str] = frozenset()

    def asked(self, subject: Subject) -> bool:
        return (not self.only or subject.name in self.only) and (self.answers or not subject.small)


@dataclass(frozen=True)
class Framework:
    """What is asked with one framework; the first contestant is rfcore."""

    title: str
    subjects: tuple[Subject, ...]
    contestants: tuple[Contestant, ...]


def limits(module: str) -> tuple[Contestant, ...]:
    return (
        Contestant("the framework's own trace", f"{module}:own_trace", answers=False),
        Contestant("one forward", f"{module}:forward", answers=False),
        Contestant("one forward and backward", f"{module}:forward_and_backward", answers=False),
    )


FRAMEWORKS = {
    "torch": Framework(
        "PyTorch",
        TORCH,
        (
            Contestant("rfcore", "tools_torch:rfcore"),
            *limits("tools_torch"),
            Contestant("torchscan 0.1.2", "tools_torch:torchscan_01", TORCHSCAN_01),
            Contestant(
                *("torchscan 0.2.0", "tools_torch:torchscan_02", TORCHSCAN_02),
                only=frozenset({"VGG-16", "ResNet-50"}),
            ),
            Contestant("rf-calc 0.0.7", "tools_torch:rf_calc", RF_CALC),
            Contestant(
                "receptivefield 0.5.0, as is",
                *("tools_torch:receptivefield", RECEPTIVEFIELD_TORCH),
                needs_room=True,
            ),
            Contestant(
                "receptivefield 0.5.0, edited network",
                *("tools_torch:receptivefield_linear", RECEPTIVEFIELD_TORCH),
                needs_room=True,
            ),
            Contestant(
                "receptive-field-calculation 0.0.0.dev1",
                *("tools_torch:receptive_field_calculation", RF_CALCULATION),
                only=frozenset({"wav2vec 2.0", "1-D"}),
            ),
        ),
    ),
    "keras": Framework(
        "Keras on TensorFlow",
        KERAS,
        (
            Contestant("rfcore", "tools_keras:rfcore"),
            *limits("tools_keras"),
            Contestant(
                "receptivefield 0.5.0, Keras 3",
                *("tools_keras:receptivefield", RECEPTIVEFIELD_KERAS_3),
                needs_room=True,
                only=frozenset({"VGG-16"}),
            ),
            Contestant(
                "receptivefield 0.5.0, as is",
                *("tools_keras:receptivefield", RECEPTIVEFIELD_KERAS_2),
                needs_room=True,
            ),
            Contestant(
                "receptivefield 0.5.0, edited network",
                *("tools_keras:receptivefield_linear", RECEPTIVEFIELD_KERAS_2),
                needs_room=True,
            ),
            Contestant("rfa-toolbox 1.7.0", "tools_keras:rfa_toolbox", RFA_TOOLBOX),
            Contestant(
                *("tf.contrib.receptive_field", "tools_keras:contrib", CONTRIB),
                only=frozenset({"VGG-16"}),
            ),
        ),
    ),
    "tf1": Framework(
        "Graphs of TensorFlow 1",
        TF1,
        (
            Contestant("rfcore", "tools_tf1:rfcore"),
            Contestant("the framework's own trace", "tools_tf1:own_trace", answers=False),
            Contestant("tf.contrib.receptive_field", "tools_tf1:contrib", CONTRIB),
        ),
    ),
}
