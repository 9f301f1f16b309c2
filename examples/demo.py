"""Measure a real, unmodified ResNet-50 and draw what its stages see.

Run it with `nox -s demo`, or with `python examples/demo.py` where rfcore, rf-torch, transformers,
matplotlib and rich are installed. The weights are random and nothing is downloaded.
"""

from __future__ import annotations

import sysconfig
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

INPUT_SHAPE = (3, 224, 224)
LAYERS = ["embedder", *(f"encoder.stages.{number}" for number in range(4))]
PICTURE = Path("receptive_fields.png")

NEXT = """\
[bold]What to try next[/bold]

1. A chain of layers, without any framework:

   {rfcore} calc "conv 7 s2 p3, maxpool 3 s2 p1"

2. A model of your own, by the place you would import it from:

   {rfcore} estimate package.module:attribute --input-shape 3,224,224

3. The pixels that one unit sees, in Python:

   field = rfcore.estimate(model, input_shape=(3, 224, 224), output="encoder.stages.3")
   field.box((0, 0), clip=True)
"""


def by_axis(values: Iterable[object]) -> str:
    return "×".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def script(name: str) -> str:
    """How to call a command of this environment, from here if it lies below."""
    path = Path(sysconfig.get_path("scripts"), name)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def main() -> None:
    console = Console()
    with console.status("Importing PyTorch and transformers, a few seconds …") as status:
        from transformers import ResNetConfig, ResNetModel

        import rfcore
        import rfcore.plot

        status.update("Building ResNet-50 with random weights …")
        model = ResNetModel(ResNetConfig()).eval()

        status.update("Measuring …")
        begin = time.perf_counter()
        fields = rfcore.estimate(model, input_shape=INPUT_SHAPE, output=LAYERS)
        seconds = time.perf_counter() - begin

        status.update("Drawing …")
        rfcore.plot.draw_fields(fields, image=None).savefig(PICTURE)

    table = Table(title=f"ResNet-50 of transformers, input {by_axis(INPUT_SHAPE)}")
    table.add_column("layer", no_wrap=True)
    for name in ("size", "stride", "offset", "padding", "output shape"):
        table.add_column(name, justify="right")
    for layer, field in fields.items():
        values = (field.size, field.stride, field.offset, field.padding, field.output_shape)
        table.add_row(layer, *map(by_axis, values))
    console.print(table)
    console.print(f"{len(fields)} layers in {seconds:.2f} s. The picture is {PICTURE}.\n")
    console.print(NEXT.format(rfcore=escape(script("rfcore"))), highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
