// Which cell a recurrent layer has, and which path is taken.

// Call f with the cell of a layer.
template <class F>
void with_cell(const RecurrentShape& s, F f) {
  with_activations(s, [&](auto g, auto r) {
    constexpr Activation G = decltype(g)::value, S = decltype(r)::value;
    if (s.cell == lstm::Cell::lstm) f(LSTMCell<G, S>(s));
    if (s.cell == lstm::Cell::gru && s.options) f(ResetBeforeCell<G, S>(s));
    if (s.cell == lstm::Cell::gru && !s.options) f(GatedCell<G, S>(s));
  });
  if (s.cell == lstm::Cell::rnn)
    with_activation(s.activation, [&](auto a) { f(SimpleCell<decltype(a)::value>(s)); });
}

inline CellSizes cell_sizes(const RecurrentShape& s) {
  CellSizes sizes{};
  with_cell(s, [&](const auto& cell) {
    sizes = {cell.blocks, cell.kept, cell.two_biases ? 2 : 1, cell.remembers, cell.options};
  });
  return sizes;
}

inline void recurrent_forward(const RecurrentShape& s, const RecurrentForward& io,
                              RecurrentPath path) {
  // Where nothing is kept, it does not matter how.
  const bool lanes = path == RecurrentPath::fast && !io.gates && best_in_lanes(s.B, s.H);
  if constexpr (has_lanes)
    if (lanes || path == RecurrentPath::lanes) return lanes_lstm_forward(s, io);
  if (path == RecurrentPath::fast) return fast_lstm_forward(s, io);
  with_cell(s, [&](const auto& cell) { framed_forward(cell, s, io); });
}

inline void recurrent_backward(const RecurrentShape& s, const RecurrentBackward& io,
                               RecurrentPath path) {
  if constexpr (has_lanes)
    if (path == RecurrentPath::lanes) return lanes_lstm_backward(s, io);
  if (path == RecurrentPath::fast) return fast_lstm_backward(s, io);
  with_cell(s, [&](const auto& cell) { framed_backward(cell, s, io); });
}
