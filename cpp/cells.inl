// Which cell a recurrent layer has, and which path is taken.

// Call f with the cell of a layer.
template <template <Activation, Activation> class Cell, class F>
void with_activations(const RecurrentShape& s, F f) {
  with_activation(s.activation, [&](auto g) {
    with_activation(s.recurrent_activation,
                    [&](auto r) { f(Cell<decltype(g)::value, decltype(r)::value>(s)); });
  });
}

template <class F>
void with_cell(const RecurrentShape& s, F f) {
  switch (s.cell) {
    case lstm::Cell::lstm: return with_activations<LSTMCell>(s, f);
    case lstm::Cell::gru: return with_activations<GatedCell>(s, f);
    case lstm::Cell::rnn:
      return with_activation(s.activation, [&](auto a) { f(SimpleCell<decltype(a)::value>(s)); });
  }
}

inline CellSizes cell_sizes(const RecurrentShape& s) {
  CellSizes sizes{};
  with_cell(s, [&](const auto& cell) {
    sizes = {cell.blocks, cell.kept, cell.two_biases ? 2 : 1, cell.remembers, cell.options};
  });
  return sizes;
}

inline void recurrent_forward(const RecurrentShape& s, const RecurrentForward& io, bool framed) {
  if (!framed) return fast_lstm_forward(s, io);
  with_cell(s, [&](const auto& cell) { framed_forward(cell, s, io); });
}

inline void recurrent_backward(const RecurrentShape& s, const RecurrentBackward& io, bool framed) {
  if (!framed) return fast_lstm_backward(s, io);
  with_cell(s, [&](const auto& cell) { framed_backward(cell, s, io); });
}
