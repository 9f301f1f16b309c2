"""Every architecture of keras.applications on every backend that Keras runs on: do they agree?

    python examples/zoo.py                                    all of them, on all three
    python examples/zoo.py ResNet50 Xception --backends jax torch
    python examples/zoo.py ResNet50 --verify                  and each answer is checked
    python examples/zoo.py --list

Keras runs on one backend per process, so there is one process for each. Networks have random
weights and no dense head, at their default input size. The exit code is 1 where two backends
differ, or where one of them has no answer; with --verify also where something speaks against an
answer, by NaN and noise in the network's own forward. What Keras itself refuses to build on a
backend (NASNet on torch) is compared on the others.
"""

from __future__ import annotations

import argparse
import gc
import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

BACKENDS = ("jax", "tensorflow", "torch")
DEFAULT_SIZE = 224
SIZES = {
    "EfficientNetB1": 240,
    "EfficientNetB2": 260,
    "EfficientNetB3": 300,
    "EfficientNetB4": 380,
    "EfficientNetB5": 456,
    "EfficientNetB6": 528,
    "EfficientNetB7": 600,
    "EfficientNetV2B1": 240,
    "EfficientNetV2B2": 260,
    "EfficientNetV2B3": 300,
    "EfficientNetV2L": 480,
    "EfficientNetV2M": 480,
    "EfficientNetV2S": 384,
    "InceptionResNetV2": 299,
    "InceptionV3": 299,
    "NASNetLarge": 331,
    "Xception": 299,
}
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Fresh weights are all that is compiled; it need not be fast.
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
}

Row = dict[str, Any]


def architectures() -> list[str]:
    import keras

    return sorted(
        name
        for name, build in vars(keras.applications).items()
        if inspect.isfunction(build) and "include_top" in inspect.signature(build).parameters
    )


def measured(names: Sequence[str], *, check: bool) -> Iterator[Row]:
    """Each network's field with squeeze-and-excite followed, and with it left out.

    Args:
        names: The networks.
        check: Whether to verify each field on the network's own forward.
    """
    import keras

    import rfcore

    for name in names:
        size = SIZES.get(name, DEFAULT_SIZE)
        build = getattr(keras.applications, name)
        started = time.perf_counter()
        row: Row = {"name": name, "input": size}
        try:
            model = build(weights=None, include_top=False, input_shape=(size, size, 3))
        except ValueError as error:
            yield row | {"absent": str(error)}
            continue
        built = time.perf_counter()
        row["build"] = round(built - started, 1)
        try:
            field = rfcore.estimate(model)
            row["field"] = field.to_dict()
            row["seconds"] = round(time.perf_counter() - built, 1)
            if any(axis["lows"] is None for axis in row["field"]["axes"]):
                row["local"] = rfcore.estimate(model, global_paths="ignore").to_dict()
            if check:
                row |= checked(field, model)
        except rfcore.errors.RfcoreError as error:
            row["error"] = f"{type(error).__name__}: {error}"
        del model
        keras.backend.clear_session()
        gc.collect()
        yield row


def checked(field: Any, model: Any) -> Row:
    """What the network's own forward says of its field."""
    started = time.perf_counter()
    certificate = field.verify(model)
    said = {"verified": certificate.summary(), "passed": certificate.passed}
    said["complete"] = certificate.complete
    if not certificate.complete:
        said["certificate"] = str(certificate)
    return said | {"verify_seconds": round(time.perf_counter() - started, 1)}


def worker(names: Sequence[str], *, check: bool) -> None:
    """Prints one row of JSON per network."""
    for row in measured(names or architectures(), check=check):
        print(json.dumps(row), flush=True)


def ask(backend: str, names: Sequence[str], progress: Any, *, check: bool) -> dict[str, Row]:
    """Runs one process on one backend and reads its rows as they come."""
    command = [sys.executable, __file__, "--worker", *(["--verify"] if check else []), *names]
    environment = {**os.environ, **QUIET, "KERAS_BACKEND": backend}
    rows: dict[str, Row] = {}
    task = progress.add_task(backend, total=len(names), doing="starting")
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        with ThreadPoolExecutor(1) as reader:
            said = reader.submit(process.stderr.read)
            for line in process.stdout:
                if line.startswith("{"):
                    row = json.loads(line)
                    rows[row["name"]] = row
                    progress.update(task, advance=1, doing=row["name"])
    if process.returncode:
        last = (said.result().strip() or "no message").splitlines()[-1]
        for name in names:
            rows.setdefault(name, {"name": name, "error": f"the process ended: {last}"})
    return rows


def geometry(row: Row) -> Any:
    """What has to be the same on every backend: everything but the notes, which name its ops."""
    return [
        {key: value for key, value in row[part].items() if key != "notes"}
        for part in ("field", "local")
        if part in row
    ]


def agree(rows: Sequence[Row]) -> bool:
    present = [row for row in rows if "absent" not in row]
    return bool(present) and all(
        "error" not in row and row.get("passed", True) and geometry(row) == geometry(present[0])
        for row in present
    )


def shown(row: Row) -> tuple[str, str, str, str]:
    """Size, stride and padding of the local field along the height, and what is global."""
    from rfcore import ReceptiveField

    if "field" not in row:
        return (row.get("error") or row["absent"]).splitlines()[0][:60], "", "", ""
    field = ReceptiveField.from_dict(row["field"])
    local = ReceptiveField.from_dict(row.get("local", row["field"]))
    whole = "yes" if any(field.is_global) else ""
    if any(local.is_global):
        return "global", "", "", whole
    return str(local.size[0]), str(local.stride[0]), str(local.padding[0]), whole


def certified(rows: Sequence[Row]) -> str:
    """On how many backends a network's own forward bears its field out, all of it, and how fast."""
    told = [row for row in rows if "verified" in row]
    passed, complete = (sum(row[word] for row in told) for word in ("passed", "complete"))
    seconds = sum(row["verify_seconds"] for row in told)
    return f"{passed} of {len(told)}, {complete} complete, {seconds:.0f} s"


def table(names: Sequence[str], found: dict[str, dict[str, Row]], *, check: bool) -> Any:
    from rich.table import Table

    result = Table(title="keras.applications: local field, and whether other paths see everything")
    # The names are what is looked for; other columns may shrink.
    result.add_column("network", min_width=max(map(len, names)))
    for column in ("input", "size", "stride", "padding", "global"):
        result.add_column(column, justify="right")
    for backend in found:
        result.add_column(f"{backend} s", justify="right")
    if check:
        result.add_column("verified", justify="right")
    result.add_column("agree")
    for name in names:
        rows = [found[backend][name] for backend in found]
        seconds = [str(row.get("seconds", "-")) for row in rows]
        first = next((row for row in rows if "absent" not in row), rows[0])
        result.add_row(
            name,
            str(first.get("input", "")),
            *shown(first),
            *seconds,
            *([certified(rows)] if check else []),
            "yes" if agree(rows) else "[bold red]no",
        )
    return result


def main(arguments: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console()
    os.environ.setdefault("KERAS_BACKEND", arguments.backends[0])
    os.environ.update(QUIET)
    known = architectures()
    names = arguments.names or known
    for name in names:
        if name not in known:
            console.print(f"{name} is not in keras.applications; `--list` shows what is.")
            return 2
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    progress = Progress(*columns, TextColumn("{task.fields[doing]}"), console=Console(stderr=True))
    # One after the other: the largest networks take gigabytes.
    with progress:
        found = {
            backend: ask(backend, names, progress, check=arguments.verify)
            for backend in arguments.backends
        }
    console.print(table(names, found, check=arguments.verify))
    wrong = [name for name in names if not agree([rows[name] for rows in found.values()])]
    for name in wrong:
        for backend, rows in found.items():
            row = rows[name]
            said = row.get("error") or row.get("absent") or row.get("certificate") or geometry(row)
            console.print(f"{name} on {backend}: {said}")
    console.print(f"{len(names) - len(wrong)} of {len(names)} agree on {', '.join(found)}.")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(found, file, indent=1)
    return 1 if wrong else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NETWORK", help="default: all of them")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured there")
    parser.add_argument("--verify", action="store_true", help="check each field with NaN and noise")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    asked = parsed()
    if asked.worker:
        worker(asked.names, check=asked.verify)
    elif asked.list:
        print("\n".join(architectures()))
    else:
        sys.exit(main(asked))
