"""The cells: the computation of a recurrent layer in one step.

A cell is a module with two functions, for B parallel sequences:

- `forward(spec, xw, q, state)` computes, from xw = x·w + b and q = h·r, both (B, blocks·H), and the
  state before the step, the state after it, and what to keep: the gates by letter, and whatever
  else `backward` needs, (B, H) each;
- `backward(spec, dstate, kept, before, after)` computes, from the gradients of the state after the
  step, those of xw and q, and of the state before it, except the part that comes through q.
"""

from types import ModuleType

from lstm.backends.contract import CellName
from lstm.backends.reference.cells import gru, lstm, rnn

MODULES: dict[CellName, ModuleType] = {"lstm": lstm, "gru": gru, "rnn": rnn}
