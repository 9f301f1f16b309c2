"""Notes on a field that other parts of rfcore look for."""

__all__ = ["COPIES", "LOWER_BOUND", "PATHS_LEFT_OUT", "UNSEEN"]

LOWER_BOUND = "measured from gradients on the model's own weights: a lower bound of the field"
PATHS_LEFT_OUT = "global paths are left out"
UNSEEN = "seen by no output"
# Then outputs near a border see other pixels than the law of those in the middle says.
COPIES = "fills borders with copies of pixels"
