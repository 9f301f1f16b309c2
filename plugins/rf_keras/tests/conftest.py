"""Which backend Keras runs on is fixed when it is imported: KERAS_BACKEND, or PyTorch here."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
