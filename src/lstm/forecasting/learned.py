"""What a forecaster has learned, as one value: what its file holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm import container
from lstm.errors import InvalidValueError
from lstm.forecasting import frames
from lstm.forecasting.arguments import Arguments
from lstm.forecasting.conformal import Conformal
from lstm.forecasting.design import Design
from lstm.forecasting.ensemble import Ensemble
from lstm.forecasting.frames import Columns, Format
from lstm.forecasting.frequency import Frequency
from lstm.forecasting.network import network
from lstm.forecasting.packing import Tensors, packed, unpack
from lstm.forecasting.panel import Panel, Values
from lstm.forecasting.statics import Statics


@dataclass(frozen=True)
class Learned:
    """What `fit` leaves.

    Attributes:
        arguments: those of the forecaster at that time.
        ensemble: the networks.
        columns: the names of the columns of frames.
        format: the kind of table that `fit` got.
        panel: the ends of its series, as far as the next forecasts need them.
        statics: how columns of `static_df` become numbers.
        static_of: these numbers by series, (static).
        conformal: errors of forecasts, after `calibrate`.
    """

    arguments: Arguments
    ensemble: Ensemble
    columns: Columns
    format: Format
    panel: Panel
    statics: Statics
    static_of: Mapping[Any, Values]
    conformal: Conformal | None = None

    def static(self, panel: Panel, static_df: Any = None) -> Values:
        """Return the numbers of series: those of `static_df`, or of `fit`, (N, static).

        Raises:
            InvalidValueError: a series is new, or not in `static_df`.
        """
        if not self.statics.size:
            return np.zeros((len(panel), 0))
        if static_df is not None:
            return self.statics.encoded(static_df, panel.ids, self.columns.id)
        for entry in panel.ids:
            if entry not in self.static_of:
                expected = "a frame with a row for each series that fit did not see"
                raise InvalidValueError("static_df", expected, f"None for {entry!r}")
        return np.stack([self.static_of[entry] for entry in panel.ids])

    def read(self, df: Any) -> Panel:
        """Return a table as a panel, with the columns, the frequency and the zone of `fit`."""
        names, frequency = self.arguments.covariates, self.panel.frequency
        return frames.read(df, self.columns, frequency, names, form=self.format)

    def given(self) -> dict[str, Any]:
        """Return the arguments as JSON values."""
        found = asdict(self.arguments)
        found["quantiles"] = found["quantiles"] or None
        return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()}

    def packed(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return arrays by name, and JSON values."""
        panel = self.panel
        tensors = packed(self.ensemble.networks)
        tensors |= {"starts": panel.starts, "offsets": panel.offsets, "y": panel.y}
        tensors |= {f"covariate.{name}": column for name, column in panel.covariates.items()}
        tensors["static"] = self.static(panel)
        if self.conformal:
            tensors["scores"] = self.conformal.scores
        return tensors, {
            "design": self.ensemble.design.to_config(),
            "sizes": {name: list(size) for name, size in self.ensemble.sizes.items()},
            "networks": len(self.ensemble.networks),
            "statics": self.statics.to_config(),
            "columns": asdict(self.columns),
            "table": self.format.to_config(),
            "ids": panel.ids,
            "frequency": asdict(panel.frequency),
            "dated": panel.dated,
        }

    @classmethod
    def unpacked(cls, arguments: Arguments, tensors: Tensors, header: Mapping[str, Any]) -> Self:
        """Return what `packed` returned the parts of."""
        design = Design.from_config(header["design"])
        networks = [network(design) for _ in range(header["networks"])]
        unpack(networks, tensors)
        sizes = {name: (float(m), float(s)) for name, (m, s) in header["sizes"].items()}
        panel = Panel(
            header["ids"],
            Frequency(**header["frequency"]),
            bool(header["dated"]),
            tensors["starts"],
            tensors["offsets"],
            tensors["y"],
            container.under("covariate.", tensors),
        )
        scores = tensors.get("scores")
        return cls(
            arguments,
            Ensemble(design, sizes, networks),
            Columns(**header["columns"]),
            Format.from_config(header["table"]),
            panel,
            Statics.from_config(header["statics"]),
            dict(zip(panel.ids, tensors["static"], strict=True)),
            None if scores is None else Conformal(scores),
        )
