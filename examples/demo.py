"""Measure a real, unmodified ResNet-50 and draw what its stages see.

Run it with `nox -s demo` (Keras on JAX) or `nox -s demo -- torch` (PyTorch). The weights are random
and nothing is downloaded.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PICTURE = Path("receptive_fields.png")


@dataclass(frozen=True)
class Demo:
    """One framework's ResNet-50.

    Attributes:
        libraries: Where the model comes from, as shown.
        build: Imports the framework and builds the model.
        input_shape: Without the batch, in the framework's order.
        layers: The stem and the four stages.
        estimate: What to type for the same answer without Python.
    """

    libraries: str
    build: Callable[[], Any]
    input_shape: tuple[int, ...]
    layers: tuple[str, ...]
    estimate: str


def keras_on_jax() -> Any:
    os.environ["KERAS_BACKEND"] = "jax"
    from keras.applications import ResNet50

    return ResNet50(weights=None, include_top=False, input_shape=(224, 224, 3))


def torch_from_transformers() -> Any:
    from transformers import ResNetConfig, ResNetModel

    return ResNetModel(ResNetConfig()).eval()


DEMOS = {
    "jax": Demo(
        "Keras on JAX",
        keras_on_jax,
        (224, 224, 3),
        (
            "pool1_pool",
            "conv2_block3_out",
            "conv3_block4_out",
            "conv4_block6_out",
            "conv5_block3_out",
        ),
        "estimate package.module:model --backend keras",
    ),
    "torch": Demo(
        "transformers on PyTorch",
        torch_from_transformers,
        (3, 224, 224),
        ("embedder", *(f"encoder.stages.{number}" for number in range(4))),
        "estimate package.module:model --input-shape 3,224,224",
    ),
}

NEXT = """\
[bold]What to try next[/bold]

1. A chain of layers, without any framework:

   {rfcore} calc "conv 7 s2 p3, maxpool 3 s2 p1"

2. A model of your own, by the place you would import it from:

   {rfcore} {estimate}

3. The pixels that one unit sees, in Python:

   field = rfcore.estimate(model, input_shape={input_shape}, output="{layer}")
   field.box((0, 0), clip=True)
"""


def by_axis(values: Iterable[object]) -> str:
    return "×".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def script(name: str) -> str:
    """How to call a command of this environment, from here if it lies below."""
    path = Path(sysconfig.get_path("scripts"), name)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def show(demo: Demo, console: Console) -> None:
    with console.status(f"Importing {demo.libraries} and building ResNet-50 …") as status:
        import rfcore
        import rfcore.plot

        model = demo.build()

        status.update("Measuring …")
        begin = time.perf_counter()
        fields = rfcore.estimate(model, input_shape=demo.input_shape, output=list(demo.layers))
        seconds = time.perf_counter() - begin

        status.update("Drawing …")
        rfcore.plot.panels(fields, rfcore.plot.sample_image(224, 224)).savefig(PICTURE)

    table = Table(title=f"ResNet-50 of {demo.libraries}, input {by_axis(demo.input_shape)}")
    table.add_column("layer", no_wrap=True)
    for name in ("size", "stride", "offset", "padding", "output shape"):
        table.add_column(name, justify="right")
    for layer, field in fields.items():
        values = (field.size, field.stride, field.offset, field.padding, field.output_shape)
        table.add_row(layer, *map(by_axis, values))
    console.print(table)
    console.print(f"{len(fields)} layers in {seconds:.2f} s. The picture is {PICTURE}.\n")
    text = NEXT.format(
        rfcore=escape(script("rfcore")),
        estimate=demo.estimate,
        input_shape=demo.input_shape,
        layer=demo.layers[-1],
    )
    console.print(text, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    show(DEMOS[sys.argv[1] if len(sys.argv) > 1 else "jax"], Console())
