// Which cell a recurrent layer has, and which path is taken.

namespace LSTM_ISA {

// Call f with the cell of a layer, a type, as an object without use.
template <template <Activation, Activation> class Cell, class F>
void with_activations(const RecurrentShape& s, F f) {
  with_activation(s.activation, [&](auto g) {
    with_activation(s.recurrent_activation,
                    [&](auto r) { f(Cell<decltype(g)::value, decltype(r)::value>()); });
  });
}

template <class F>
void with_cell(const RecurrentShape& s, F f) {
  switch (s.cell) {
    case lstm::Cell::lstm: return with_activations<LSTMCell>(s, f);
    case lstm::Cell::gru: return with_activations<GatedCell>(s, f);
    case lstm::Cell::rnn:
      return with_activation(s.activation, [&](auto a) { f(SimpleCell<decltype(a)::value>()); });
  }
}

inline void recurrent_forward(const RecurrentShape& s, const RecurrentForward& io, bool framed) {
  if (s.cell == lstm::Cell::lstm && !framed) return fast_lstm_forward(s, io);
  with_cell(s, [&](auto cell) { framed_forward<decltype(cell)>(s, io); });
}

inline void recurrent_backward(const RecurrentShape& s, const RecurrentBackward& io, bool framed) {
  if (s.cell == lstm::Cell::lstm && !framed) return fast_lstm_backward(s, io);
  with_cell(s, [&](auto cell) { framed_backward<decltype(cell)>(s, io); });
}

}  // namespace LSTM_ISA
