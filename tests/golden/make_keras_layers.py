"""Writes keras_layers.json: how Keras lists the layers of models, for tests/test_model_graph.py.

Needs Keras, which the tests themselves do not; run by hand:

    KERAS_BACKEND=jax PYTHONPATH=tests python tests/golden/make_keras_layers.py

For each model: the classes of its layers with their numbers of parameters, the names of its LSTMs,
and the shapes of its weights and outputs.
"""

import json
from pathlib import Path

import keras

from branched_models import OUTLINED

golden = {}
for name, make in OUTLINED.items():
    keras.backend.clear_session()
    model = make(keras)
    layers = model.layers
    golden[name] = {
        "layers": [[type(layer).__name__, layer.count_params()] for layer in layers],
        "weights": [list(weight.shape) for weight in model.weights],
        "built": model.built,
    }
    if isinstance(model, keras.Sequential | keras.src.models.functional.Functional):
        golden[name]["outputs"] = [list(tensor.shape) for tensor in model.outputs]
        golden[name]["names"] = [layer.name for layer in layers if type(layer).__name__ == "LSTM"]
path = Path(__file__).with_name("keras_layers.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
