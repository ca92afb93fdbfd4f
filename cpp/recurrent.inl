// What all recurrent layers share: all steps of a sequence, around the cell that computes one.
//
// x·w + b of all steps is one product before the first of them, or one for each sequence if they
// have lengths of their own; so is dx after the last, and dw, dr and db follow in one pass over dz.
// Between the two a thread owns a slice of the batch for the whole sequence. Deliberately absent:
// what makes the LSTM faster still, gates in registers and products a few steps at a time.
//
// A cell is an object made of the shape, with its options in it:
// - blocks: w and r have blocks·H columns;
// - remembers: whether it has a state c beside its output;
// - kept: numbers for each unit and step that the backward pass turns into dz, its first `blocks`
//   blocks, and what else is needed of the gradient of q = h·r;
// - dz: which blocks of w and r it gives the gradients of;
// - two_biases: whether q has a bias of its own;
// - options: those that it may have;
// - forward(H, z, q, before, after): the state after `before`, whose h may be z = x·w + b;
// - backward(H, n, after, before, dy, d, dz): dz of the first n units, in its place; d, the
//   gradients of the state without dy, become those of `before`, but for dq·rᵀ.

// Blocks of dz side by side, and those of w and of r that they belong to, or -1.
struct Blocks {
  int in_dz, in_w, in_r, count;
};

// The state of a sequence at some step, or its gradient; c of a cell that has one.
template <class T>
struct StateOf {
  T *h, *c;

  LSTM_INLINE StateOf from(int64_t unit) const { return {h + unit, c ? c + unit : nullptr}; }
};

// out = x·factor, row by row.
LSTM_INLINE void scaled(int64_t n, const float* x, const float* factor, float* out) {
  for_each_vec(n, [&](auto k, auto get, auto put)
                      LSTM_INLINE_LAMBDA { put(out + k, get(x + k) * get(factor + k)); });
}

// The time of a step; step 0 is the first to be computed.
LSTM_INLINE int64_t time_of(const RecurrentShape& s, int64_t step) {
  return s.reverse ? s.T - 1 - step : step;
}

// Steps of sequence b.
LSTM_INLINE int64_t length_of(const RecurrentShape& s, int64_t b) {
  return s.lengths ? s.lengths[b] : s.T;
}

// The end of those of the sequences [b0, b1) that have a step: the longest come first.
LSTM_INLINE int64_t end_at(const RecurrentShape& s, int64_t b0, int64_t b1, int64_t step) {
  while (b1 > b0 && length_of(s, b1 - 1) <= step) --b1;
  return b1;
}

// Divide the sequences among threads, `width` of them at a time, each of a certain cost, so that
// all threads have as many steps: body(begin, end), in units of `width`.
template <class Body>
void parallel_sequences(const RecurrentShape& s, int64_t width, double cost, Body body) {
  const int64_t count = (s.B + width - 1) / width;
  if (!s.lengths) return parallel(count, 1, width * cost, body);
  int64_t steps = 0;
  for (int64_t k = 0; k < count; ++k) steps += s.lengths[k * width];
  const auto unit_at = [&](int64_t step) {
    int64_t k = 0;
    for (; step > 0; ++k) step -= s.lengths[k * width];
    return k;
  };
  parallel(steps, 1, width * cost / s.T, [&](auto begin, auto end) {
    if (const int64_t first = unit_at(begin), last = unit_at(end); first < last) body(first, last);
  });
}

// The states that the sequences from b on start a step from.
LSTM_INLINE View states_before(const RecurrentShape& s, const float* h0, const float* y, int64_t b,
                               int64_t step) {
  if (step == 0) return {h0 + b * s.H, s.H, 1};
  return {y + (b * s.T + time_of(s, step - 1)) * s.H, s.T * s.H, 1};
}

// The state `at` numbers into the arrays of all steps.
template <class Cell, class T, class IO>
LSTM_INLINE StateOf<T> state_at(const IO& io, int64_t at) {
  return {io.y + at, Cell::remembers ? io.c + at : nullptr};
}

// The state that sequence b starts a step from.
template <class Cell, class IO>
LSTM_INLINE StateOf<const float> state_before(const RecurrentShape& s, const IO& io, int64_t b,
                                              int64_t step) {
  if (step) return state_at<Cell, const float>(io, (b * s.T + time_of(s, step - 1)) * s.H);
  return {io.h0 + b * s.H, Cell::remembers ? io.c0 + b * s.H : nullptr};
}

// What the kernel was given, with zeros for the states that are not there.
template <class IO>
IO with_states(const RecurrentShape& s, IO io) {
  if (io.h0 && io.c0) return io;
  float* zeros = scratch(2, s.B * s.H);
  std::memset(zeros, 0, s.B * s.H * sizeof(float));
  if (!io.h0) io.h0 = zeros;
  if (!io.c0) io.c0 = zeros;
  return io;
}

// What the first step multiplies r with; every step leaves that of the next.
inline void mask_first_states(const RecurrentShape& s, const RecurrentForward& io, int64_t b0,
                              int64_t b1) {
  for (int64_t b = b0; b < b1; ++b)
    scaled(s.H, io.h0 + b * s.H, io.recurrent_mask + b * s.H,
           io.masked_h + (b * s.T + time_of(s, 0)) * s.H);
}

// The rows of all steps of c = a·B + bias, with B (K, N), in one product. Sequences of their own
// lengths have a product each, if they are not so short that tiles would stay half empty: then what
// lies behind their ends is multiplied, too, whatever it is.
inline void product_of_steps(const RecurrentShape& s, int64_t N, int64_t K, View a,
                             const float* prepared, View b, float* c, int64_t ldc,
                             const float* bias) {
  const int64_t rows = s.B * s.T;
  const bool together = !s.lengths || s.T <= 2 * tile_rows;
  if (together && prepared && K) return prepared_gemm(rows, N, K, a, prepared, c, ldc, bias);
  if (together) return gemm(rows, N, K, a, b, c, ldc, false, bias);
  float* packed = scratch(4, packed_size(K, N));
  pack_panels(K, N, b, packed);
  parallel_sequences(s, 1, 2.0 * s.T * K * N, [&](auto b0, auto b1) {
    for (int64_t k = b0; k < b1; ++k)
      packed_product(s.lengths[k], N, K, a.from(k * s.T, 0), packed, c + k * s.T * ldc, ldc, false,
                     bias);
  });
}

// z (B·T, N) = x·w + b, in rows of `pitch` floats.
inline void input_side(const RecurrentShape& s, const RecurrentForward& io, int64_t N, float* z,
                       int64_t pitch) {
  if (!io.tokens)
    return product_of_steps(s, N, s.D, {io.x, s.D, 1}, io.packed_w, {io.w, N, 1}, z, pitch, io.b);
  parallel_each(s.B * s.T, 2.0 * N, [&](auto row) {
    if (row % s.T >= length_of(s, row / s.T)) return;
    for_each_vec(N, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      const vec xw = get(io.w + io.tokens[row] * N + k);
      put(z + row * pitch + k, io.b ? xw + get(io.b + k) : xw);
    });
  });
}

// dx from dz in the first N of `pitch` floats, where it is wanted.
inline void inputs_gradient(const RecurrentShape& s, const RecurrentBackward& io, int64_t N,
                            int64_t pitch) {
  if (io.dx)  // (B12), (R11), (G18)
    product_of_steps(s, s.D, N, {io.gates, pitch, 1}, nullptr, {io.w, 1, N}, io.dx, s.D, nullptr);
}

// The sequences [b0, b1), all steps. Without packed_r, which pays for many rows, they are all there
// are, and threads divide the units.
template <class Cell>
void slice_forward(const Cell& cell, const RecurrentShape& s, const float* packed_r,
                   const RecurrentForward& io, float* z, int64_t b0, int64_t b1) {
  const int64_t T = s.T, H = s.H, N = cell.blocks * H, pitch = cell.kept * H;
  const float* bias = Cell::two_biases && io.b ? io.b + N : nullptr;
  float* q = scratch(0, (b1 - b0) * N);
  if (io.masked_h) mask_first_states(s, io, b0, b1);
  for (int64_t step = 0; step < length_of(s, b0); ++step) {
    const int64_t t = time_of(s, step);
    const View h = states_before(s, io.h0, io.y, b0, step);
    const View seen = io.masked_h ? View{io.masked_h + (b0 * T + t) * H, T * H, 1} : h;
    const int64_t end = end_at(s, b0, b1, step);
    if (packed_r)
      packed_product(end - b0, N, H, seen, packed_r, q, N, false, bias);
    else if (io.packed_r)
      prepared_gemm(end - b0, N, H, seen, io.packed_r, q, N, bias);
    else
      thin_gemm(end - b0, N, H, seen, io.r, N, q, N, false, bias);
    for (int64_t b = b0; b < end; ++b) {
      const int64_t at = b * T + t;
      const auto before = state_before<Cell>(s, io, b, step);
      const auto after = state_at<Cell, float>(io, at * H);
      cell.forward(H, z + at * pitch, q + (b - b0) * N, before, after);
      if (io.masked_h && step + 1 < T)  // (L10)
        scaled(H, after.h, io.recurrent_mask + b * H,
               io.masked_h + (b * T + time_of(s, step + 1)) * H);
    }
  }
}

// Call f(b, end) for the sequences [b0, b1), a few at a time: n floats for each fit into the cache.
// Never so few that the weights would be read for a single tile.
constexpr int64_t cached = 1 << 16;
template <class F>
LSTM_INLINE void for_each_slice(int64_t b0, int64_t b1, int64_t n, F f) {
  const int64_t most = std::max<int64_t>(cached / n, 4 * tile_rows);
  for (; b0 < b1; b0 += most) f(b0, std::min(b0 + most, b1));
}

template <class Cell>
void framed_forward(const Cell& cell, const RecurrentShape& s, const RecurrentForward& given) {
  const int64_t H = s.H, N = cell.blocks * H;
  if (s.B == 0 || s.T == 0 || H == 0) return;
  const RecurrentForward io = with_states(s, given);
  // A SimpleRNN keeps nothing, and an LSTM not always.
  const bool single = s.T == 1 && s.B <= few_rows;
  float* z = io.gates ? io.gates : single ? scratch(1, s.B * cell.kept * H) : io.y;
  input_side(s, io, N, z, cell.kept * H);
  if (single) return slice_forward(cell, s, nullptr, io, z, 0, s.B);
  const float* packed_r = io.packed_r;
  if (!packed_r) {
    float* packed = scratch(1, packed_size(H, N));
    pack_panels(H, N, io.r, packed);
    packed_r = packed;
  }
  parallel_sequences(s, 1, 2.0 * s.T * H * N, [&](auto b0, auto b1) {
    for_each_slice(b0, b1, N,
                   [&](auto b, auto end) { slice_forward(cell, s, packed_r, io, z, b, end); });
  });
}

// Where the panels of rᵀ for some blocks stand.
LSTM_INLINE int64_t panels_at(int64_t H, Blocks blocks) { return blocks.in_r * packed_size(H, H); }

// dz of some units in one step of the sequences [b0, b1), in its place; dh and dc become those of
// the step before, but for dq·rᵀ.
template <class Cell>
LSTM_INLINE void cells_backward(const Cell& cell, const RecurrentShape& s,
                                const RecurrentBackward& io, int64_t b0, int64_t b1, Part units,
                                int64_t step) {
  const int64_t H = s.H, first = units.begin, n = units.end - first;
  for (int64_t b = b0; b < b1; ++b) {
    const int64_t at = b * s.T + time_of(s, step);
    const float* dy = io.dy ? io.dy + at * H + first : nullptr;
    float* dz = io.gates + at * cell.kept * H + first;
    const StateOf<float> d{io.dh + b * H, Cell::remembers ? io.dc + b * H : nullptr};
    cell.backward(H, n, state_at<Cell, const float>(io, at * H).from(first),
                  state_before<Cell>(s, io, b, step).from(first), dy, d.from(first), dz);
  }
}

// dz of the sequences [b0, b1), all steps; dh becomes the gradient of h0.
template <class Cell>
void slice_backward(const Cell& cell, const RecurrentShape& s, const float* packed_r,
                    const RecurrentBackward& io, int64_t b0, int64_t b1) {
  const int64_t T = s.T, H = s.H, pitch = cell.kept * H;
  float* back = scratch(0, (b1 - b0) * H);
  for (int64_t step = length_of(s, b0); step-- > 0;) {
    const int64_t end = end_at(s, b0, b1, step);
    cells_backward(cell, s, io, b0, end, {0, H}, step);
    const float* dz = io.gates + (b0 * T + time_of(s, step)) * pitch;
    for (const Blocks& blocks : cell.dz)
      if (blocks.in_r >= 0)
        packed_product(end - b0, H, blocks.count * H, {dz + blocks.in_dz * H, T * pitch, 1},
                       packed_r + panels_at(H, blocks), back, H, blocks.in_r > 0, nullptr);
    if (io.recurrent_mask) scaled((end - b0) * H, back, io.recurrent_mask + b0 * H, back);  // (B14)
    add_rows(1, (end - b0) * H, back, 0, io.dh + b0 * H);  // (B7), (R6), (G13)
  }
}

// dw, dr and db of some blocks, from dz in the place of the gates: (B9)-(B11), (R8)-(R10),
// (G15)-(G17). Columns of dz are divided among threads, and each block of rows is packed once for
// all that it is needed for.
inline void weight_gradients(const RecurrentShape& s, const RecurrentBackward& io, Blocks blocks,
                             int64_t N, int64_t pitch, bool two_biases) {
  const int64_t T = s.T, D = s.D, H = s.H, rows = s.B * T, columns = blocks.count * H;
  const auto part = [H](float* gradient, int block) {
    return gradient && block >= 0 ? gradient + block * H : nullptr;
  };
  const float* dz = io.gates + blocks.in_dz * H;
  float *const dw = part(io.dw, blocks.in_w), *const dr = part(io.dr, blocks.in_r);
  float* const db = part(io.db, blocks.in_w);
  float* const db_of_r = two_biases && io.db ? part(io.db + N, blocks.in_r) : nullptr;
  // The state before row k of dz is row k - 1 of y, or k + 1 in reverse; not so for first steps.
  const int64_t offset = s.reverse ? 1 : -1, phase = time_of(s, 0);
  parallel(panels(columns), 1, 2.0 * rows * (D + H) * panel_width, [&](auto begin, auto end) {
    float* panel = scratch(0, slots(depth) * panel_width);
    for (int64_t k = 0; k < rows; k += depth) {
      const int64_t block = rows - k < depth ? rows - k : depth;
      const int64_t of_x = dw && io.x ? left_size(D, block) : 0;
      float* memory = scratch(3, of_x + left_size(H, block));
      const Left x = dw && io.x ? left_side(D, block, {io.x + k * D, 1, D}, memory) : Left{};
      memory += of_x;
      // The outermost row has no neighbour. Its dz is zero by then, and left out in whole slots.
      const int64_t missing = !io.masked_h && k + offset < 0, skipped = missing / in_slot * in_slot;
      const int64_t seen = block - skipped - (!io.masked_h && k + block + offset > rows);
      const float* states = io.masked_h ? io.masked_h : io.y + offset * H;  // (B15)
      const Left h =
          dr ? left_side(H, seen, {states + (k + skipped) * H, 1, H}, memory, missing - skipped)
             : Left{};
      for (auto p = begin; p < end; ++p) {
        const int64_t j = p * panel_width;
        const int n = columns_of(columns, p);
        pack_panel({dz + j, pitch, 1}, k, block, n, panel);
        const int64_t width = padded(n);
        // What is only added up is not rounded.
        const float* d = in_slot == 1 ? panel : dz + k * pitch + j;
        const int64_t apart = in_slot == 1 ? width : pitch;
        if (db) add_rows(block, n, d, apart, db + j);
        if (db_of_r) add_rows(block, n, d, apart, db_of_r + j);
        if (dw && io.tokens)
          for (int64_t row = 0; row < block; ++row)
            add_rows(1, n, d + row * apart, apart, dw + io.tokens[k + row] * N + j);
        else if (dw)
          panel_product(0, D, block, x, panel, dw + j, N, n, true, nullptr);
        if (!dr) continue;
        for (int64_t row = (phase - k % T + T) % T; !io.masked_h && row < block; row += T)
          clear_row(panel, row, width);
        panel_product(0, H, seen, h, panel + skipped / in_slot * width, dr + j, N, n, true,
                      nullptr);
      }
    }
  });
  if (dr && io.h0 && !io.masked_h)
    gemm(H, columns, s.B, {io.h0, 1, H}, {dz + phase * pitch, T * pitch, 1}, dr, N, true, nullptr);
}

// Call f(shape, io) with arrays in which every row is that of a step. Of sequences of their own
// lengths, the rows of some at a time are put one behind the other, as of a single sequence.
template <class F>
void with_real_rows(const RecurrentShape& s, const RecurrentBackward& io, int64_t pitch, F f) {
  if (!s.lengths) return f(s, io);
  constexpr int64_t most = 2048;  // rows, or those of one sequence
  const int64_t T = s.T, D = io.x ? s.D : 0, H = s.H;
  for (int64_t first = 0, last, rows; first < s.B; first = last) {
    for (last = first, rows = 0; last < s.B && (!rows || rows + s.lengths[last] <= most); ++last)
      rows += s.lengths[last];
    if (!rows) return;
    float* memory = scratch(4, rows * (2 + D + H + pitch));
    int64_t* tokens = reinterpret_cast<int64_t*>(memory);
    float *x = memory + 2 * rows, *h = x + rows * D, *gates = h + rows * H;
    parallel(last - first, 1, double(T * (D + H + pitch)), [&](auto b0, auto b1) {
      int64_t row = 0;
      for (int64_t b = first; b < first + b0; ++b) row += s.lengths[b];
      for (int64_t b = first + b0; b < first + b1; ++b)
        for (int64_t step = 0; step < s.lengths[b]; ++step, ++row) {
          const int64_t at = b * T + step;
          const float* seen = io.masked_h ? io.masked_h + at * H : nullptr;
          if (!seen) seen = states_before(s, io.h0, io.y, b, step).p;
          std::memcpy(h + row * H, seen, H * sizeof(float));
          std::memcpy(gates + row * pitch, io.gates + at * pitch, pitch * sizeof(float));
          if (io.tokens) tokens[row] = io.tokens[at];
          if (io.x) std::memcpy(x + row * D, io.x + at * D, D * sizeof(float));
        }
    });
    RecurrentShape shape = s;
    shape.B = 1;
    shape.T = rows;
    shape.lengths = nullptr;
    RecurrentBackward packed = io;
    packed.x = io.x ? x : nullptr;
    packed.tokens = io.tokens ? tokens : nullptr;
    packed.masked_h = h;
    packed.gates = gates;
    f(shape, packed);
  }
}

template <class Cell>
void framed_backward(const Cell& cell, const RecurrentShape& s, const RecurrentBackward& given) {
  const int64_t H = s.H, N = cell.blocks * H, pitch = cell.kept * H;
  if (s.B == 0 || s.T == 0 || H == 0) return;
  const RecurrentBackward io = with_states(s, given);
  float* packed_r = scratch(1, cell.blocks * packed_size(H, H));
  for (const Blocks& blocks : cell.dz)
    if (blocks.in_r >= 0)
      pack_panels(blocks.count * H, H, {io.r + blocks.in_r * H, 1, N},
                  packed_r + panels_at(H, blocks));
  parallel_sequences(s, 1, 2.0 * s.T * H * N, [&](auto b0, auto b1) {
    for_each_slice(b0, b1, N,
                   [&](auto b, auto end) { slice_backward(cell, s, packed_r, io, b, end); });
  });
  inputs_gradient(s, io, N, pitch);
  if (!io.dw && !io.dr && !io.db) return;
  with_real_rows(s, s.lengths ? io : given, pitch, [&](const auto& shape, const auto& rows) {
    for (const Blocks& blocks : cell.dz)
      weight_gradients(shape, rows, blocks, N, pitch, Cell::two_biases);
  });
}
