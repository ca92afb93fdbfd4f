"""Keras on TensorFlow, with and without XLA (`jit_compile`)."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow
from protocol import Ready, Workload, serve


def prepare(work: Workload) -> Ready:
    tensorflow.config.threading.set_intra_op_parallelism_threads(work.threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(work.threads)
    from contenders import keras_models

    return keras_models.prepare(work)


if __name__ == "__main__":
    serve(prepare)
