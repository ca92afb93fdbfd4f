// Drawing tokens from logits, in double precision as the reference does.

namespace LSTM_ISA {

// Tokens are taken from a heap, the most probable first, and no more than are needed: where few
// have most of the probability, that is far from a sort.
inline std::int64_t draw(std::int64_t V, const float* z, double u, double temperature,
                         std::int64_t top_k, double top_p, std::int64_t* order, double* p) {
  for (std::int64_t k = 0; k < V; ++k) order[k] = k;
  // NaN comes last: an order in which it were equal to all would lead out of bounds.
  const auto above = [z](std::int64_t a, std::int64_t b) {
    if (z[a] > z[b] || z[a] < z[b]) return z[a] > z[b];
    const bool a_is_nan = z[a] != z[a], b_is_nan = z[b] != z[b];
    return a_is_nan != b_is_nan ? b_is_nan : a < b;
  };
  if (temperature == 0) return *std::min_element(order, order + V, above);
  const auto below = [above](std::int64_t a, std::int64_t b) { return above(b, a); };
  std::make_heap(order, order + V, below);
  const double top = z[order[0]];
  for (std::int64_t k = 0; k < V; ++k) p[k] = std::exp((double(z[k]) - top) / temperature);
  // The token of a rank; ranks are asked for in order, and those known stand at the end.
  std::int64_t known = 0;
  const auto ranked = [&](std::int64_t rank) {
    for (; known <= rank; ++known) std::pop_heap(order, order + V - known, below);
    return order[V - 1 - rank];
  };
  const std::int64_t kept = top_k && top_k < V ? top_k : V;
  double total = 0, sum = 0, cumulative = 0;
  for (std::int64_t k = 0; k < kept; ++k) total += p[kept < V ? ranked(k) : k];
  std::int64_t nucleus = 0;
  if (top_p < 1) {
    for (double before = 0; nucleus < kept && before < top_p; ++nucleus) {
      sum += p[ranked(nucleus)];
      before += p[ranked(nucleus)] / total;
    }
  } else {
    nucleus = kept;
    sum = total;
  }
  for (std::int64_t k = 0; k < nucleus; ++k) {
    cumulative += p[ranked(k)];
    if (cumulative > u * sum) return ranked(k);
  }
  return ranked(nucleus - 1);
}

inline void sample(std::int64_t B, std::int64_t V, const float* z, const double* u,
                   double temperature, std::int64_t top_k, double top_p, std::int64_t* out) {
  auto* order = reinterpret_cast<std::int64_t*>(scratch(0, 2 * V));
  auto* p = reinterpret_cast<double*>(scratch(1, 2 * V));
  for (std::int64_t b = 0; b < B; ++b)
    out[b] = draw(V, z + b * V, u[b], temperature, top_k, top_p, order, p);
}

}  // namespace LSTM_ISA
