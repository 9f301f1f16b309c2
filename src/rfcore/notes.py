"""Notes on a field that other parts of rfcore look for."""

__all__ = ["LOWER_BOUND", "PATHS_LEFT_OUT", "UNSEEN"]

LOWER_BOUND = "measured from gradients on the model's own weights: a lower bound of the field"
PATHS_LEFT_OUT = "global paths are left out"
UNSEEN = "seen by no output"
