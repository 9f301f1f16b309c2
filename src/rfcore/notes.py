"""Notes on a field that other parts of rfcore look for."""

__all__ = [
    "COPIES",
    "LOWER_BOUND",
    "PATHS_LEFT_OUT",
    "UNSEEN",
    "global_cause",
    "global_note",
]

LOWER_BOUND = "measured from gradients on the model's own weights: a lower bound of the field"
PATHS_LEFT_OUT = "global paths are left out"
UNSEEN = "seen by no output"
# Then outputs near a border see other pixels than the law of those in the middle says.
COPIES = "fills borders with copies of pixels"

_BECAUSE = ", because of "
_ADVICE = '; global_paths="ignore" leaves such paths out'


def global_note(axis: int, extent: str, op: str) -> str:
    """Which op makes an axis global, for the reader of a field."""
    return f"axis {axis}: every output sees {extent}{_BECAUSE}{op}{_ADVICE}"


def global_cause(note: str) -> str:
    """The op that a `global_note` names; empty for any other note."""
    _, because, rest = note.partition(_BECAUSE)
    return rest.removesuffix(_ADVICE) if because and rest.endswith(_ADVICE) else ""
