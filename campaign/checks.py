"""All that is asked of one random network, and what is counted on the way."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import frameworks
from writing import written

import rfcore
from rfcore.errors import ModelError
from rfcore.field import ReceptiveField
from rfcore.testing import Case, Expected, Unbuildable
from rfcore.testing.agreement import (
    Outcome,
    all_layers,
    assert_same,
    assert_walked,
    has_law,
    is_needless,
    outcome_of,
)
from rfcore.testing.laws.fields import assert_agrees


@dataclass(slots=True)
class Tally:
    """What was done so far.

    Attributes:
        counts: Networks, estimates and checks by what they are.
        layers: Layers by kind.
        refusals: Refused networks by the error's kind.
        unbuildable: What could not be written, by backend and reason.
        needless: Networks that were refused although there is an answer, and where.
        seen: Digests of the networks, to ask each one once and to count distinct ones.
    """

    counts: Counter[str] = field(default_factory=Counter)
    layers: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    unbuildable: Counter[str] = field(default_factory=Counter)
    needless: list[str] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)

    def add(self, other: Tally) -> None:
        """Takes in what another one counted."""
        self.counts += other.counts
        self.layers += other.layers
        self.refusals += other.refusals
        self.unbuildable += other.unbuildable
        self.needless += other.needless
        self.seen |= other.seen


def digest(case: Case) -> bytes:
    """What tells a network from others, in every process alike, as Python's own hash does not."""
    return hashlib.blake2b(written(case).encode(), digest_size=16).digest()


def check(case: Case, backends: Sequence[str], verify_every: int, tally: Tally) -> None:
    """Measures a network in every framework, and in written-out form, and compares.

    Raises:
        AssertionError: Two answers differ, or one differs from what the taps or a forward show.
    """
    known = outcome_of(lambda: rfcore.estimate(case.layers, input_shape=case.input_shape))
    if case.error is not None:
        assert isinstance(known.refusal, case.error), f"{known}"
    elif case.expected != Expected():
        assert known.field is not None, f"{known}"
        assert_agrees(known.field, case.expected)
    if known.field is not None:
        assert_walked(case, known.field)
        tally.counts["walked"] += 1
    number = tally.counts["networks"]
    for turn, backend in enumerate(backends):
        due = verify_every and number % verify_every == turn % verify_every
        _check_backend(case, backend, known, tally, verify=bool(due))
    _count(case, known, tally)


def _check_backend(case: Case, backend: str, known: Outcome, tally: Tally, *, verify: bool) -> None:
    try:
        model = frameworks.model(backend, case)
    except Unbuildable as reason:
        tally.unbuildable[f"{backend}: {reason}"] += 1
        return
    shape = frameworks.input_shape(backend, case)
    try:
        found = outcome_of(lambda: rfcore.estimate(model, backend=backend, input_shape=shape))
        if is_needless(found, known):
            tally.needless.append(f"in {backend}: {written(case)}: {type(found.refusal).__name__}")
            return
        assert_same(found, known)
        if type(found.refusal) is not type(known.refusal):
            tally.counts["refused in other words"] += 1
        if verify and found.field is not None:
            _verify(found.field, model, backend, shape, tally)
        if backend == "torch":
            import perturbation

            tally.counts["every position perturbed"] += perturbation.assert_perturbed(case, model)
    except Exception as error:
        error.add_note(f"in {backend}")
        raise
    tally.counts[f"estimates in {backend}"] += 1


def _verify(
    field: ReceptiveField, model: object, backend: str, shape: tuple[int, ...], tally: Tally
) -> None:
    try:
        certificate = field.verify(model, backend=backend, input_shape=shape)
    except ModelError:
        # TensorFlow has no kernels on the CPU for some of what it traces.
        tally.counts[f"could not be run in {backend}"] += 1
        return
    assert not certificate.leaks, f"verify: {certificate}"
    # On small maps padding within the network can cut the path to an edge.
    tally.counts["verified, but for an edge that nothing shows"] += not certificate.passed
    tally.counts["verified on the framework's own forward"] += 1


def _count(case: Case, known: Outcome, tally: Tally) -> None:
    tally.counts["networks"] += 1
    tally.seen.add(digest(case))
    tally.layers.update(_kind(layer) for layer in all_layers(case.layers))
    if known.refusal is not None:
        tally.refusals[type(known.refusal).__name__] += 1
        if has_law(case):
            tally.needless.append(f"everywhere: {written(case)}")
    elif known.field is not None and any(known.field.is_global):
        tally.counts["global"] += 1


def _kind(layer: object) -> str:
    mode = getattr(layer, "mode", None) or getattr(layer, "join", None)
    return f"{type(layer).__name__} ({mode})" if mode else type(layer).__name__
