// Squares of a matrix transposed in registers.

// The elements of a and b by turns: of their first half, or of the second.
template <int Half, int... K>
LSTM_INLINE vec zipped(vec a, vec b, std::integer_sequence<int, K...>) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, (Half * lanes / 2 + K / 2 + K % 2 * lanes)...);
#else
  return __builtin_shuffle(a, b, ivec{(Half * lanes / 2 + K / 2 + K % 2 * lanes)...});
#endif
}
template <int Half>
LSTM_INLINE vec zipped(vec a, vec b) {
  return zipped<Half>(a, b, std::make_integer_sequence<int, lanes>());
}

// Each round moves the highest bit of the row's number to the end of the lane's: after as many as
// there are bits, rows and lanes have changed places.
LSTM_INLINE void transpose_square(vec (&rows)[lanes]) {
  for (int round = 1; round < lanes; round *= 2) {
    vec next[lanes];
    for (int k = 0; k < lanes / 2; ++k) {
      next[2 * k] = zipped<0>(rows[k], rows[k + lanes / 2]);
      next[2 * k + 1] = zipped<1>(rows[k], rows[k + lanes / 2]);
    }
    for (int k = 0; k < lanes; ++k) rows[k] = next[k];
  }
}

// out[k·pitch + j] = x[j][k] for K numbers of each of `count` rows, as many as a vector has lanes
// at most; zeros for what is missing to that. `row(j)` points to row j.
template <class Row>
LSTM_INLINE void transposed(int64_t count, int64_t K, Row row, float* out, int64_t pitch) {
  for (int64_t k = 0; k < K; k += lanes) {
    const int n = int(K - k < lanes ? K - k : lanes);
    vec rows[lanes];
    for (int j = 0; j < lanes; ++j)
      rows[j] = j >= count ? vec{} : n == lanes ? load(row(j) + k) : load_part(row(j) + k, n);
    transpose_square(rows);
    for (int j = 0; j < lanes; ++j)
      if (j < n) store(out + (k + j) * pitch, rows[j]);
  }
}
