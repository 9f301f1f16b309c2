"""Primitives that leave the program, or belong to several devices: nobody can see through them."""

from __future__ import annotations

from functools import partial

from rf_jax.call import Call, Rule

__all__ = ["RULES"]


def _refuse(call: Call, reason: str) -> int:
    raise call.refused(reason)


_REASONS = {
    "pure_callback": "what a Python callback does with its operands cannot be seen",
    "io_callback": "what a Python callback does with its operands cannot be seen",
    "pallas_call": "what a hand-written kernel does with its operands cannot be seen",
    "custom_call": "what foreign code does with its operands cannot be seen",
    "ffi_call": "what foreign code does with its operands cannot be seen",
    "shard_map": "it runs on several devices; pass the function without shard_map",
    "run_state": "it uses mutable references, whose writes are not followed",
    "psum": "it sums over devices; pass the function without pmap",
    "all_gather": "it gathers from devices; pass the function without pmap",
    "ppermute": "it exchanges values between devices; pass the function without pmap",
    "all_to_all": "it exchanges values between devices; pass the function without pmap",
}

RULES: dict[str, Rule] = {
    name: partial(_refuse, reason=reason) for name, reason in _REASONS.items()
}
