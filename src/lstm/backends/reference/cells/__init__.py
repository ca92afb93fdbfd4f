"""The cells: what a recurrent layer computes in one step.

A cell is a module with two functions, for B sequences side by side:

- `forward(spec, xw, q, state)`: from xw = x·w + b and q = h·r, which are (B, blocks·H), and the
  state before the step to the state after it, and what is kept of it: by letter the gates, and what
  else `backward` needs, (B, H) each;
- `backward(spec, dstate, kept, before, after)`: from the gradients of the state after the step to
  those of xw and q, and of the state before it, but for what comes through q.
"""

from types import ModuleType

from lstm.backends.contract import CellName
from lstm.backends.reference.cells import gru, lstm, rnn

MODULES: dict[CellName, ModuleType] = {"lstm": lstm, "gru": gru, "rnn": rnn}
