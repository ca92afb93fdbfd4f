// Drawing tokens from logits, in double precision as the reference does.

// The last tokens of a text: those that were given, then those drawn since; -1 where there is none.
struct Recent {
  const int64_t *given, *given_end, *drawn, *drawn_end;

  template <class F>
  void each(F f) const {
    for (const int64_t* token = given; token < given_end; ++token)
      if (*token >= 0) f(*token);
    for (const int64_t* token = drawn; token < drawn_end; ++token) f(*token);
  }
};

// Makes recent tokens less probable, each once, however often it stands there; done (V) is work
// space.
inline void penalize(float* z, const Recent& recent, float penalty, int64_t* done) {
  recent.each([&](int64_t token) { done[token] = false; });
  recent.each([&](int64_t token) {
    if (!done[token]) z[token] = z[token] > 0 ? z[token] / penalty : z[token] * penalty;
    done[token] = true;
  });
}

// Tokens are taken from a heap, the most probable first, and no more than are needed: where few
// have most of the probability, that is far from a sort. order and p (V) are work space.
inline int64_t draw(int64_t V, const float* z, double u, const Choice& choice, int64_t* order,
                    double* p) {
  for (int64_t k = 0; k < V; ++k) order[k] = k;
  // NaN comes last: an order in which it were equal to all would lead out of bounds.
  const auto above = [z](int64_t a, int64_t b) {
    if (z[a] > z[b] || z[a] < z[b]) return z[a] > z[b];
    const bool a_is_nan = z[a] != z[a], b_is_nan = z[b] != z[b];
    return a_is_nan != b_is_nan ? b_is_nan : a < b;
  };
  if (choice.temperature == 0) return *std::min_element(order, order + V, above);
  const auto below = [above](int64_t a, int64_t b) { return above(b, a); };
  std::make_heap(order, order + V, below);
  // Relative to the first, whose p is 1.
  const double top = z[order[0]];
  for (int64_t k = 0; k < V; ++k) p[k] = std::exp((double(z[k]) - top) / choice.temperature);
  // The token of a rank; ranks are asked for in order, and those known stand at the end.
  int64_t known = 0;
  const auto ranked = [&](int64_t rank) {
    for (; known <= rank; ++known) std::pop_heap(order, order + V - known, below);
    return order[V - 1 - rank];
  };
  int64_t kept = choice.top_k && choice.top_k < V ? choice.top_k : V;
  double sum = 0;
  for (int64_t k = 0; k < kept; ++k) sum += p[kept < V ? ranked(k) : k];
  if (choice.top_p < 1 || choice.min_p > 0) {
    const int64_t most = kept;
    const double total = sum;
    double before = 0;
    for (kept = 0, sum = 0; kept < most && before < choice.top_p; ++kept) {
      const double next = p[ranked(kept)];
      if (next < choice.min_p) break;
      sum += next;
      before += next / total;
    }
  }
  // What has no probability is not drawn, not even where rounding leaves the sum short.
  int64_t rank = 0;
  for (double cumulative = p[ranked(0)]; cumulative <= u * sum; cumulative += p[ranked(rank)]) {
    if (rank + 1 == kept || p[ranked(rank + 1)] == 0) break;
    ++rank;
  }
  return ranked(rank);
}

inline void sample(int64_t B, int64_t V, int64_t W, const float* z, const double* u,
                   const int64_t* recent, double temperature, int64_t top_k, double top_p,
                   double min_p, double repetition_penalty, int64_t* out) {
  const Choice choice{temperature, top_k, top_p, min_p, repetition_penalty};
  auto* order = reinterpret_cast<int64_t*>(scratch(0, 2 * V));
  auto* p = reinterpret_cast<double*>(scratch(1, 2 * V));
  float* row = scratch(2, V);
  for (int64_t b = 0; b < B; ++b) {
    std::memcpy(row, z + b * V, V * sizeof(float));
    const Recent last{recent + b * W, recent + (b + 1) * W, nullptr, nullptr};
    if (choice.repetition_penalty != 1)
      penalize(row, last, float(choice.repetition_penalty), order);
    out[b] = draw(V, row, u[b], choice, order, p);
  }
}
