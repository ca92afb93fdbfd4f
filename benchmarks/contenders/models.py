"""The models that learn, with the layers of Keras, which are also ours."""

from typing import Any

from cases import Case


def layers_of(case: Case, layers: Any) -> list[Any]:
    """The layers of a case, without a last softmax.

    Args:
        case: sizes.
        layers: the module that has them.
    """
    stack = [layers.LSTM(case.H, return_sequences=True) for _ in range(case.layers)]
    if case.of_tokens:
        tokens = layers.Input((None if case.kind == "ragged" else case.T,))
        return [tokens, layers.Embedding(case.V, case.E), *stack, layers.Dense(case.V)]
    if case.kind == "addition":
        return [
            layers.Input((case.T, 2)),
            layers.Conv1D(8, 1, activation="relu"),
            layers.Conv1D(4, 1, activation="relu"),
            layers.LSTM(case.H, activation=case.activation, return_sequences=True),
            layers.Dense(1, activation="sigmoid"),
        ]

    def convolution() -> Any:
        return layers.Conv1D(case.H, case.K, padding="same", activation="relu")

    if case.kind == "CNN":
        convolutions = [convolution() for _ in range(case.layers)]
        return [layers.Input((case.T, case.E)), *convolutions, layers.Dense(1)]
    if case.kind == "CNN-LSTM":
        return [
            layers.Input((case.T, case.chunk, case.E)),
            layers.TimeDistributed(convolution()),
            layers.TimeDistributed(layers.Flatten()),
            layers.LSTM(case.H),
            layers.Dense(1),
        ]
    return [layers.Input((case.T, case.E)), layers.LSTM(case.H), layers.Dense(1)]
