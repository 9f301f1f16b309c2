"""Listening to a forward: which layer runs, and what every layer returns.

Global forward hooks are used, so that the modules' own hooks are never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from rf_torch.modules import Modules

__all__ = ["listening"]


@contextmanager
def listening(
    modules: Modules,
    returned: Callable[[str, Any], None],
    running: Callable[[str], None] = lambda layer: None,
    entering: Callable[[nn.Module], None] = lambda module: None,
) -> Iterator[None]:
    """Calls back for every named layer that runs inside the context.

    Args:
        modules: The model's modules and their names.
        returned: Called with a layer's name and its output, once per name.
        running: Called with the name of the layer that runs from now on.
        entering: Called with every module just before it runs, named or not.
    """
    stack = [""]

    def enter(module: nn.Module, args: Any) -> None:
        entering(module)
        stack.append(modules.names.get(id(module), [stack[-1]])[0])
        running(stack[-1])

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        stack.pop()
        running(stack[-1])
        if not module._forward_hooks:
            tell(module, args, output)

    def tell(module: nn.Module, args: Any, output: Any) -> None:
        for name in modules.names.get(id(module), ()):
            returned(name, output)

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    # A module's own hooks run after the global ones and may replace its output: listen last.
    handles += [m.register_forward_hook(tell) for m in modules.each if m._forward_hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
