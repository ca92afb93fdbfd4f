// The softmax cross-entropy of a linear layer: loss and gradients in one pass over its logits.
//
// Rows are taken in chunks, whose logits are all that is ever kept. The gradients of a chunk are
// computed as soon as its loss is: a backward pass of its own would have to keep the logits of all
// rows, or to compute them twice. A chunk is cut into strips of columns, each contiguous: a strip
// with its parts of w and dw stays in cache from one product to the next. Each row of a strip holds
// exp(z - top) with a top of its own, so that one exponential of each logit is enough.
//
// Rows of weight 0, such as padding, are left out: those that count are put one behind the other.

// In 256 rows a strip takes half of a second-level cache of 1 MiB.
constexpr int64_t strip_width = 512;
static_assert(strip_width % logits_alignment == 0 && logits_alignment % lanes == 0);

// The columns [begin, begin + width) of a chunk, in rows of `pitch` floats.
struct Strip {
  int64_t begin, width, pitch;
  float *z, *tops;  // (rows, pitch) and (rows)
};

// What the strips so far say about a row.
struct RowSums {
  float top;  // the largest logit
  float total;  // Σ exp(z - top), at the end weight·mass / total
  float score;  // Σ target·(z - top)
  float mass;  // Σ target
};

// -1 in the first n lanes, 0 in the others.
LSTM_INLINE ivec lanes_below(int n) {
  ivec index;
  for (int k = 0; k < lanes; ++k) index[k] = k;
  return index < n;
}

LSTM_INLINE float exp_of(float x) { return exp(broadcast(x))[0]; }

// The target of a row within a strip.
struct Target {
  const float* row;  // (width), or null where it is a class
  int64_t label;  // the class, counted from the strip's first column; -1 if there is a row
};

// z becomes exp(z - top), for the top of this strip.
LSTM_INLINE RowSums exponentials(const Strip& strip, int64_t row, const Target& target) {
  float* z = strip.z + row * strip.pitch;
  const vec lowest = broadcast(-3.40282347e38f);
  const int64_t last = strip.pitch - lanes;
  store(z + last, select(lanes_below(int(strip.width - last)), load(z + last), lowest));
  vec best = lowest;
  for (int64_t k = 0; k < strip.pitch; k += lanes) best = max(load(z + k), best);
  RowSums sums{largest(best), 0, 0, 0};
  if (target.row) {
    vec score = {}, mass = {};
    for_each_vec(strip.width, [&](auto k, auto get, auto) LSTM_INLINE_LAMBDA {
      const vec t = get(target.row + k);
      mass += t;
      score += select(t != 0.0f, t * (load(z + k) - sums.top), vec{});
    });
    sums.score = sum(score);
    sums.mass = sum(mass);
  } else if (target.label >= 0 && target.label < strip.width) {
    sums.score = z[target.label] - sums.top;
    sums.mass = 1;
  }
  vec total = {};
  for (int64_t k = 0; k < strip.pitch; k += lanes) {
    vec e = exp(load(z + k) - sums.top);
    // Of columns that are only there to fill the last vector it is 0.
    if (k == last) e = select(lanes_below(int(strip.width - last)), e, vec{});
    store(z + k, e);
    total += e;
  }
  sums.total = sum(total);
  strip.tops[row] = sums.top;
  return sums;
}

LSTM_INLINE RowSums joined(const RowSums& a, const RowSums& b) {
  const float top = a.top > b.top ? a.top : b.top;
  const float down_a = a.top - top, down_b = b.top - top;
  return {top, a.total * exp_of(down_a) + b.total * exp_of(down_b),
          (a.score + a.mass * down_a) + (b.score + b.mass * down_b), a.mass + b.mass};
}

// exp(z - top) becomes dz.
LSTM_INLINE void gradient(const Strip& strip, int64_t row, const Target& target,
                          const RowSums& sums, float weight) {
  float* z = strip.z + row * strip.pitch;
  const float factor = exp_of(strip.tops[row] - sums.top) * sums.total;
  for (int64_t k = 0; k < strip.pitch; k += lanes) store(z + k, load(z + k) * factor);
  if (target.row) {
    for_each_vec(strip.width, [&](auto k, auto get, auto put) LSTM_INLINE_LAMBDA {
      put(z + k, get(z + k) - get(target.row + k) * weight);
    });
  } else if (target.label >= 0 && target.label < strip.width) {
    z[target.label] -= weight;
  }
}

// Some of the rows that count.
struct Chunk {
  const LinearCrossEntropy& s;
  const int64_t* index;  // their numbers, or null for [first, first + rows)
  int64_t first, rows, strips;
  const float* x;  // (rows, D)
  float* dx;  // (rows, D), or null
  RowSums* sums;  // (rows)
  float *losses, *tops;  // (rows) and (strips, rows)
  bool learns;  // whether any gradient is wanted

  int64_t number(int64_t row) const { return index ? index[row] : first + row; }

  Strip strip(int64_t k) const {
    const int64_t begin = k * strip_width;
    const int64_t width = s.V - begin < strip_width ? s.V - begin : strip_width;
    // Without gradients no strip is needed again, and the first one's memory does for all.
    return {begin, width, (width + lanes - 1) / lanes * lanes, s.z + (learns ? rows * begin : 0),
            tops + k * rows};
  }

  Target target(const Strip& strip, int64_t row) const {
    if (s.rows) return {s.rows + number(row) * s.V + strip.begin, -1};
    return {nullptr, s.classes[number(row)] - strip.begin};
  }

  float weight(int64_t row) const { return weight_of(s.weight, number(row), s.n); }
};

// The losses of all rows; the last strip becomes dz, the others still hold exponentials.
inline void chunk_losses(const Chunk& c) {
  const LinearCrossEntropy& s = c.s;
  for (int64_t k = 0; k < c.strips; ++k) {
    const Strip strip = c.strip(k);
    gemm(c.rows, strip.width, s.D, {c.x, s.D, 1}, {s.w + strip.begin, s.V, 1}, strip.z, strip.pitch,
         false, s.b ? s.b + strip.begin : nullptr);
    parallel_each(c.rows, 20.0 * strip.width, [&](auto row) {
      const Target target = c.target(strip, row);
      const RowSums part = exponentials(strip, row, target);
      RowSums sums = k ? joined(c.sums[row], part) : part;
      if (k + 1 == c.strips) {
        const float weight = c.weight(row);
        c.losses[row] = weight * (sums.mass * std::log(sums.total) - sums.score);
        sums.total = weight * sums.mass / sums.total;
        if (c.learns) gradient(strip, row, target, sums, weight);
      }
      c.sums[row] = sums;
    });
  }
}

// From the last strip, which is still in cache, to the first.
inline void chunk_gradients(const Chunk& c) {
  const LinearCrossEntropy& s = c.s;
  for (int64_t k = c.strips - 1; k >= 0; --k) {
    const Strip strip = c.strip(k);
    const View dz{strip.z, strip.pitch, 1};
    const bool last = k + 1 == c.strips;
    if (!last)
      parallel_each(c.rows, 2.0 * strip.width, [&](auto row) {
        gradient(strip, row, c.target(strip, row), c.sums[row], c.weight(row));
      });
    if (s.dw)
      gemm(s.D, strip.width, c.rows, {c.x, 1, s.D}, dz, s.dw + strip.begin, s.V, true, nullptr);
    if (s.db) column_sums(c.rows, strip.width, strip.z, strip.pitch, s.db + strip.begin);
    if (c.dx)
      gemm(c.rows, s.D, strip.width, dz, {s.w + strip.begin, 1, s.V}, c.dx, s.D, !last, nullptr);
  }
}

inline double linear_cross_entropy(const LinearCrossEntropy& s) {
  int64_t count = s.n;
  if (s.weight) count -= std::count(s.weight, s.weight + s.n, 0.0f);
  const bool all = count == s.n;
  const int64_t strips = (s.V + strip_width - 1) / strip_width, D = all ? 0 : s.D;
  const int64_t most = std::min(s.rows_at_once, count);
  float* memory = scratch(2, 2 * count + most * (strips + 5 + 2 * D));
  auto* index = reinterpret_cast<int64_t*>(memory);
  auto* sums = reinterpret_cast<RowSums*>(memory + 2 * count);
  float *losses = memory + 2 * count + 4 * most, *tops = losses + most;
  float *some_x = tops + most * strips, *some_dx = some_x + most * D;
  if (!all) {
    for (int64_t row = 0, k = 0; row < s.n; ++row)
      if (s.weight[row] != 0) index[k++] = row;
    if (s.dx) std::memset(s.dx, 0, s.n * D * sizeof(float));
  }
  double total = 0;
  for (int64_t first = 0; first < count; first += most) {
    const int64_t rows = std::min(count - first, most);
    const int64_t* numbers = all ? nullptr : index + first;
    const float* x = all ? s.x + first * s.D : some_x;
    float* dx = !s.dx ? nullptr : all ? s.dx + first * s.D : some_dx;
    for (int64_t row = 0; !all && row < rows; ++row)
      std::memcpy(some_x + row * D, s.x + numbers[row] * D, D * sizeof(float));
    const Chunk chunk{
        s, numbers, first, rows, strips, x, dx, sums, losses, tops, s.dw || s.db || s.dx};
    chunk_losses(chunk);
    for (int64_t row = 0; row < rows; ++row) total += losses[row];
    if (chunk.learns) chunk_gradients(chunk);
    for (int64_t row = 0; !all && dx && row < rows; ++row)
      std::memcpy(s.dx + numbers[row] * D, some_dx + row * D, D * sizeof(float));
  }
  return total;
}
