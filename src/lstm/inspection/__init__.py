"""The lens: what a trained model does while it reads, and what it learned from."""

from lstm.inspection.flow import GradientFlow, gradient_flow, gradient_flow_of_text
from lstm.inspection.memory import Context, Memory, Position, context, memory, position
from lstm.inspection.properties import PROPERTIES
from lstm.inspection.reading import Reading, read, readings
from lstm.inspection.recording import Recording, record
from lstm.inspection.saliency import Saliency, saliency
from lstm.inspection.saturation import Saturation, saturation
from lstm.inspection.units import UnitScore, find_units, score_units

__all__ = [
    "PROPERTIES",
    "Context",
    "GradientFlow",
    "Memory",
    "Position",
    "Reading",
    "Recording",
    "Saliency",
    "Saturation",
    "UnitScore",
    "context",
    "find_units",
    "gradient_flow",
    "gradient_flow_of_text",
    "memory",
    "position",
    "read",
    "readings",
    "record",
    "saliency",
    "saturation",
    "score_units",
]
