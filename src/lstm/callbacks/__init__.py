"""Callbacks: code that runs between the steps of training."""

from typing import TYPE_CHECKING

from lstm.absent_names import answering
from lstm.callbacks.backup import BackupAndRestore
from lstm.callbacks.base import HOOKS, Callback, Contents, Logs, Tensors, Trainable
from lstm.callbacks.functions import LambdaCallback
from lstm.callbacks.history import History
from lstm.callbacks.monitoring import EarlyStopping, ModelCheckpoint, TerminateOnNaN
from lstm.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from lstm.callbacks.recording import CSVLogger, TensorBoard
from lstm.callbacks.telling import CallbackList
from lstm.old_paths import lead_to

if not TYPE_CHECKING:
    __getattr__ = answering(__name__)
    lead_to(__name__)

__all__ = [
    "HOOKS",
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "Contents",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TensorBoard",
    "Tensors",
    "TerminateOnNaN",
    "Trainable",
]
