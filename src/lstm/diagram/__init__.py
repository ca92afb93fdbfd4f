"""Diagrams: models as pictures, without another program."""

from lstm.diagram.diagram import Diagram, plot_model

__all__ = ["Diagram", "plot_model"]
