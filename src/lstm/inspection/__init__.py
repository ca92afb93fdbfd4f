"""The lens: shows what a trained model does while it reads, and what it has learned."""

from lstm.inspection.coloring import colored_html, colored_text
from lstm.inspection.examination import Examination, best_units, examine
from lstm.inspection.explanation import Explanation, explain_forecast
from lstm.inspection.explanation_plots import (
    plot_contributions,
    plot_explanation,
    plot_mean_gates,
    plot_mix,
    plot_weights,
    plot_window,
)
from lstm.inspection.explanation_report import explanation_html, write_explanation
from lstm.inspection.flow import GradientFlow, gradient_flow, gradient_flow_of_text
from lstm.inspection.memory import Context, Memory, Position, context, memory, position
from lstm.inspection.plots import (
    plot_context,
    plot_gate_values,
    plot_gates,
    plot_gradient,
    plot_memory,
    plot_position,
    plot_saturation,
    plot_text,
    plot_units,
)
from lstm.inspection.properties import PROPERTIES
from lstm.inspection.reading import Reading, read, readings
from lstm.inspection.recording import Recording, record
from lstm.inspection.report import report_html, write_report
from lstm.inspection.saliency import Saliency, saliency
from lstm.inspection.saturation import Saturation, saturation
from lstm.inspection.table import write_table
from lstm.inspection.units import UnitScore, find_units, score_units

__all__ = [
    "PROPERTIES",
    "Context",
    "Examination",
    "Explanation",
    "GradientFlow",
    "Memory",
    "Position",
    "Reading",
    "Recording",
    "Saliency",
    "Saturation",
    "UnitScore",
    "best_units",
    "colored_html",
    "colored_text",
    "context",
    "examine",
    "explain_forecast",
    "explanation_html",
    "find_units",
    "gradient_flow",
    "gradient_flow_of_text",
    "memory",
    "plot_context",
    "plot_contributions",
    "plot_explanation",
    "plot_gate_values",
    "plot_gates",
    "plot_gradient",
    "plot_mean_gates",
    "plot_memory",
    "plot_mix",
    "plot_position",
    "plot_saturation",
    "plot_text",
    "plot_units",
    "plot_weights",
    "plot_window",
    "position",
    "read",
    "readings",
    "record",
    "report_html",
    "saliency",
    "saturation",
    "score_units",
    "write_explanation",
    "write_report",
    "write_table",
]
