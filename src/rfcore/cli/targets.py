"""What TARGET names: the model, class or builder behind `package.module:attribute`."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from rfcore.errors import RfcoreError

__all__ = ["TargetError", "load_target"]


class TargetError(RfcoreError):
    """TARGET does not lead to a model (where its own code failed, the error is the cause)."""

    def __init__(self, target: str, problem: str, hint: str) -> None:
        self.target = target
        super().__init__(f"The target {target!r} {problem}.", hint)


def load_target(target: str, *, functions_are_models: bool = False) -> Any:
    """The model that a target names.

    Args:
        target: "package.module:attribute" or "path/file.py:attribute", where the attribute may
            be nested with dots. A class and a function without required arguments are called.
        functions_are_models: Whether a function with required arguments is a model itself.

    Raises:
        TargetError: There is no such thing, or its code raised.
    """
    place, colon, attribute = target.rpartition(":")
    if not colon or not place or not attribute:
        raise TargetError(
            target,
            "does not name an attribute of a module",
            "write package.module:attribute, for example torchvision.models:resnet50, or "
            "path/file.py:attribute.",
        )
    # What a script run from here could import, a target can too.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    module = _file(target, Path(place)) if place.endswith(".py") else _module(target, place)
    found = _attribute(target, module, attribute)
    return _built(target, attribute, found, functions_are_models=functions_are_models)


def _file(target: str, path: Path) -> ModuleType:
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise TargetError(
            target,
            f"names a file that does not exist, {str(path.absolute())!r}",
            _did_you_mean(path.name, siblings)
            or "check the path; it is relative to where you are.",
        )
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert spec is not None  # the suffix is .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(path.parent.resolve()) not in sys.path:
        sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[path.stem]
        raise _import_failed(target, str(path), error) from error
    return module


def _module(target: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name != missing and not name.startswith(f"{missing}."):
            raise _import_failed(target, name, error) from error
        raise TargetError(
            target,
            f"names a module that is not there: there is no module called {missing!r}",
            "install it, or go to the folder that holds it; a file is path/file.py:attribute.",
        ) from None
    except (Exception, SystemExit) as error:
        raise _import_failed(target, name, error) from error


def _import_failed(target: str, name: str, error: BaseException) -> TargetError:
    return TargetError(
        target,
        f"cannot be imported: {name} raised {_told(error)}",
        "repair it, or name a module that imports.",
    )


def _attribute(target: str, module: ModuleType, attribute: str) -> Any:
    found: Any = module
    for position, part in enumerate(parts := attribute.split(".")):
        try:
            found = getattr(found, part)
        except AttributeError:
            owner = ".".join([module.__name__, *parts[:position]])
            known = [name for name in dir(found) if not name.startswith("_")]
            raise TargetError(
                target,
                f"names nothing: {owner} has no attribute {part!r}",
                _did_you_mean(part, known) or f"it has {', '.join(known[:8]) or 'nothing public'}.",
            ) from None
    return found


def _built(target: str, attribute: str, found: Any, *, functions_are_models: bool) -> Any:
    if not inspect.isclass(found) and not inspect.isroutine(found):
        return found
    required = _required_arguments(found)
    if required and functions_are_models and not inspect.isclass(found):
        return found
    if required:
        raise TargetError(
            target,
            f"cannot be called without arguments: {attribute} needs {', '.join(required)}",
            "write a function without arguments that returns the model and name that one; a "
            "function that is itself the model needs --backend.",
        )
    try:
        model = found()
    except (Exception, SystemExit) as error:
        raise TargetError(
            target,
            f"cannot be built: {attribute}() raised {_told(error)}",
            "repair it, or name another builder.",
        ) from error
    if model is None:
        raise TargetError(
            target, f"builds nothing: {attribute}() returned None", "let it return the model."
        )
    return model


def _required_arguments(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some builtins do not tell
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in optional]


def _told(error: BaseException) -> str:
    message = str(error).strip().splitlines()
    return f"{type(error).__name__}: {message[0]}" if message else type(error).__name__


def _did_you_mean(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else ""
