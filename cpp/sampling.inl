// Drawing tokens from logits, in double precision as the reference does.

namespace LSTM_ISA {

inline std::int64_t draw(std::int64_t V, const float* z, double u, double temperature,
                         std::int64_t top_k, double top_p, std::int64_t* order, double* p) {
  for (std::int64_t k = 0; k < V; ++k) order[k] = k;
  // NaN comes last: an order in which it were equal to all would take std::sort out of bounds.
  const auto above = [z](std::int64_t a, std::int64_t b) {
    if (z[a] > z[b] || z[a] < z[b]) return z[a] > z[b];
    const bool a_is_nan = z[a] != z[a], b_is_nan = z[b] != z[b];
    return a_is_nan != b_is_nan ? b_is_nan : a < b;
  };
  if (temperature == 0) return *std::min_element(order, order + V, above);
  std::sort(order, order + V, above);
  const std::int64_t kept = top_k && top_k < V ? top_k : V;
  double total = 0;
  for (std::int64_t k = 0; k < kept; ++k)
    total += p[k] = std::exp((double(z[order[k]]) - double(z[order[0]])) / temperature);
  double before = 0, sum = 0;
  std::int64_t nucleus = 0;
  for (; nucleus < kept && before < top_p; ++nucleus) before += p[nucleus] / total;
  for (std::int64_t k = 0; k < nucleus; ++k) sum += p[k];
  double cumulative = 0;
  for (std::int64_t k = 0; k < nucleus; ++k) {
    cumulative += p[k];
    if (cumulative > u * sum) return order[k];
  }
  return order[nucleus - 1];
}

inline void sample(std::int64_t B, std::int64_t V, const float* z, const double* u,
                   double temperature, std::int64_t top_k, double top_p, std::int64_t* out) {
  auto* order = reinterpret_cast<std::int64_t*>(scratch(0, 2 * V));
  auto* p = reinterpret_cast<double*>(scratch(1, 2 * V));
  for (std::int64_t b = 0; b < B; ++b)
    out[b] = draw(V, z + b * V, u[b], temperature, top_k, top_p, order, p);
}

}  // namespace LSTM_ISA
