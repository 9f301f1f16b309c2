"""The text form of layers: "conv 7 s2 p3, maxpool 3 s2 p1, [skip | conv 3 p1, conv 3 p1]+".

A text is layers between commas. A layer is a word and its arguments, with a name before it if
it shall have one ("stem: conv 7 s2"): first a number (the kernel size, the scale), then numbers
with a letter (s2 stride, p1 padding, d2 dilation). A number may be one per axis: 3x5.
Paths stand in brackets with | between them; +, * (or add, multiply) or concat after the bracket
joins them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from rfcore.errors import LayerSpecError
from rfcore.layer_specs import (
    Activation,
    Branches,
    Convolution,
    Cropping,
    DepthToSpace,
    Flip,
    GlobalPooling,
    Identity,
    Layer,
    Normalization,
    Padding,
    Pooling,
    Roll,
    Sizes,
    SpaceToDepth,
    Subsampling,
    TransposedConvolution,
    Upsampling,
    checked_path,
)

__all__ = ["is_layer_text", "parse_layers"]


@dataclass(frozen=True, slots=True)
class _Word:
    """How the arguments of a word are read.

    Attributes:
        layer: What it makes.
        number: The field of the number without a letter, if it takes one; "low" takes low:high.
        letters: The field of each number with a letter before it.
        flags: The field and value that each plain word sets.
        fixed: The fields that the word itself sets.
    """

    layer: type[Layer]
    number: str = ""
    letters: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)

    def usage(self, word: str) -> str:
        """The word with all that it takes, for hints."""
        number = {"": "", "low": " 1 (or 2:0)", "scale": " 2", "step": " 2"}.get(self.number, " 3")
        rest = [*(f"{letter}1" for letter in self.letters), *self.flags]
        return f"write {word}{number}" + (f", then {', '.join(rest)} as needed." if rest else ".")


_WINDOW = {"s": "stride", "p": "padding", "d": "dilation"}
_SAME = {"same": ("padding", "same")}
_POOL = _Word(Pooling, "kernel_size", _WINDOW, {**_SAME, "ceil": ("ceil_mode", True)})
_AVERAGE = replace(_POOL, fixed={"kind": "average"})
_MODES = {mode: ("mode", mode) for mode in ("nearest", "linear", "cubic", "aligned")}
_FILLS = {mode: ("mode", mode) for mode in ("reflect", "edge", "circular")}
_WORDS: Mapping[str, _Word] = MappingProxyType(
    {
        "conv": _Word(Convolution, "kernel_size", {**_WINDOW, "g": "groups"}, _SAME),
        "maxpool": _POOL,
        "avgpool": _AVERAGE,
        "pool": _POOL,
        "deconv": _Word(TransposedConvolution, "kernel_size", {**_WINDOW, "o": "output_padding"}),
        "up": _Word(Upsampling, "scale", {}, _MODES),
        "pad": _Word(Padding, "low", {}, _FILLS),
        "crop": _Word(Cropping, "low"),
        "every": _Word(Subsampling, "step", {"o": "start"}),
        "roll": _Word(Roll, "shift"),
        "flip": _Word(Flip),
        "shuffle": _Word(DepthToSpace, "scale"),
        "unshuffle": _Word(SpaceToDepth, "scale"),
        "globalpool": _Word(GlobalPooling),
        "relu": _Word(Activation),
        "sigmoid": _Word(Activation, fixed={"function": "sigmoid"}),
        "batchnorm": _Word(Normalization),
        "instancenorm": _Word(Normalization, fixed={"statistics": "instance"}),
        "skip": _Word(Identity),
    }
)
_JOINS: Mapping[str, Literal["add", "multiply", "concatenate"]] = MappingProxyType(
    {"+": "add", "add": "add", "*": "multiply", "multiply": "multiply", "concat": "concatenate"}
)
_TOKEN = re.compile(r"(?P<name>[^\W\d]\w*\s*:)|(?P<mark>[,\[\]|+*])|(?P<word>[^\s,\[\]|+*]+)")
_LENGTHS = r"-?\d{1,9}(?:x-?\d{1,9})*"
_NUMBER = re.compile(rf"(?P<letter>[a-z]*)(?P<low>{_LENGTHS})(:(?P<high>{_LENGTHS}))?")


class _Token(NamedTuple):
    kind: str
    text: str


_END = _Token("end", "")


def _tokens(text: str) -> list[_Token]:
    return [_Token(str(match.lastgroup), match[0]) for match in _TOKEN.finditer(text)]


def is_layer_text(text: str) -> bool:
    """Whether the first word of a text, after names and brackets, is that of a layer."""
    words = (token for token in _tokens(text) if token.kind != "name" and token.text != "[")
    return next(words, _END).text.lower() in _WORDS


def parse_layers(text: str) -> tuple[Layer, ...]:
    """The layers that a text describes.

    Args:
        text: For example "conv1: conv 7 s2 p3, maxpool 3 s2 p1, [skip | conv 3x1 same]+, up 2".

    Raises:
        LayerSpecError: It cannot be read.
    """
    try:
        return _Reader(_tokens(text)).whole()
    except LayerSpecError as error:
        # What was refused is a part; the user knows the whole.
        raise LayerSpecError(text, error.problem, error.hint) from error


@dataclass(slots=True)
class _Reader:
    """Reads tokens from left to right, one method per rule of the grammar."""

    tokens: list[_Token]
    position: int = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.position] if self.position < len(self.tokens) else _END

    def take(self) -> str:
        text = self.next.text
        self.position += 1
        return text

    def whole(self) -> tuple[Layer, ...]:
        if not self.tokens:
            raise LayerSpecError("", "there is no layer", 'write for example "conv 3 s2, conv 3".')
        layers = self.network()
        if self.next is not _END:
            problem = f"{self.next.text!r} does not belong there"
            hint = "put a comma between layers, and brackets around paths: [skip | conv 3 p1]+."
            raise LayerSpecError("", problem, hint)
        return layers

    def network(self) -> tuple[Layer, ...]:
        layers = [self.layer()]
        while self.next.text == ",":
            self.take()
            layers.append(self.layer())
        return checked_path(layers)

    def layer(self) -> Layer:
        name = self.take()[:-1].strip() if self.next.kind == "name" else ""
        if self.next.text == "[":
            return self.branches(name)
        if self.next.kind != "word":
            where = f"before {self.next.text!r}" if self.next.text else "at the end"
            hint = 'write one there, or "skip" for a path that changes nothing.'
            raise LayerSpecError("", f"a layer is missing {where}", hint)
        word = self.take()
        arguments = []
        while self.next.kind == "word":
            arguments.append(self.take())
        return _layer(name, word, arguments)

    def branches(self, name: str) -> Branches:
        paths = []
        while self.next.text in ("[", "|"):
            self.take()
            paths.append(self.network())
        if self.next.text != "]":
            found = f"{self.next.text!r} stands where" if self.next.text else "the text ends before"
            problem = f"{found} a bracket should close"
            raise LayerSpecError("", problem, "close the paths with ]+ or ] concat.")
        self.take()
        if len(paths) < 2:
            hint = "put | between the paths, as in [skip | conv 3 p1]+."
            raise LayerSpecError("", "the brackets hold one path", hint)
        if self.next.text.lower() not in _JOINS:
            problem = "it is not said how the paths in brackets are joined"
            raise LayerSpecError(
                "", problem, "put + (add), * (multiply) or concat after the bracket."
            )
        return Branches(tuple(paths), _JOINS[self.take().lower()], name=name)


def _layer(name: str, word: str, arguments: Sequence[str]) -> Layer:
    form = _WORDS.get(word.lower())
    if form is None:
        near = difflib.get_close_matches(word.lower(), _WORDS, n=2, cutoff=0.5)
        guess = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        hint = f"{guess}known are {', '.join(_WORDS)}, and paths in brackets."
        raise LayerSpecError(word, f"{word!r} is not a layer", hint)
    clause = " ".join([word, *arguments])
    usage = form.usage(word.lower())
    values: dict[str, Any] = {}
    for argument in arguments:
        given = _values(form, argument.lower().replace("×", "x"))
        if not given:
            comma = "put a comma between layers; " if argument.lower() in _WORDS else ""
            problem = f"{argument!r} in {clause!r} is not an argument of {word}"
            raise LayerSpecError(clause, problem, comma + usage)
        if given.keys() & values.keys():
            twice = " and ".join(given.keys() & values.keys()).replace("_", " ")
            problem = f"{argument!r} in {clause!r} sets the {twice} a second time"
            raise LayerSpecError(clause, problem, "for one number per axis write 3x5.")
        values |= given
    if form.number and form.number not in values:
        what = form.number.replace("_", " ")
        raise LayerSpecError(clause, f"{clause!r} has no number for its {what}", usage)
    try:
        return form.layer(**form.fixed, **values, name=name)
    except LayerSpecError as error:
        raise LayerSpecError(clause, f"in {clause!r}, {error.problem}", usage) from error


def _values(form: _Word, argument: str) -> dict[str, Any]:
    """The fields that one argument sets; none where it cannot be read."""
    if argument in form.flags:
        return dict([form.flags[argument]])
    number = _NUMBER.fullmatch(argument)
    if number is None:
        return {}
    if form.number == "low" and not number["letter"]:
        return {"low": _sizes(number["low"]), "high": _sizes(number["high"] or number["low"])}
    target = form.letters.get(number["letter"]) if number["letter"] else form.number
    return {target: _sizes(number["low"])} if target and not number["high"] else {}


def _sizes(text: str) -> Sizes:
    numbers = tuple(map(int, text.split("x")))
    return numbers if len(numbers) > 1 else numbers[0]
