"""Which backend Keras runs on is fixed when it is imported: KERAS_BACKEND, or PyTorch here."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
# All that is compiled is how fresh weights are drawn, which takes most of the time on JAX.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
