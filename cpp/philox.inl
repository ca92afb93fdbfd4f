// Random words from a key and a counter, and dropout by them: Philox 4x32-10 (Salmon et al., 2011).

constexpr int words_at_once = 4 * lanes;

// The words of `lanes` blocks from `block` on, as lstm.backends.reference.philox makes them. Plain
// loops over the lanes, which the compiler turns into vectors.
inline void random_words(std::uint64_t seed, std::uint64_t draw, std::uint64_t block,
                         std::uint32_t* words) {
  std::uint32_t c0[lanes], c1[lanes], c2[lanes], c3[lanes];
  for (int l = 0; l < lanes; ++l) {
    c0[l] = std::uint32_t(block + l);
    c1[l] = std::uint32_t((block + l) >> 32);
    c2[l] = std::uint32_t(draw);
    c3[l] = std::uint32_t(draw >> 32);
  }
  auto k0 = std::uint32_t(seed), k1 = std::uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int l = 0; l < lanes; ++l) {
      const std::uint64_t p0 = std::uint64_t(0xD2511F53u) * c0[l];
      const std::uint64_t p1 = std::uint64_t(0xCD9E8D57u) * c2[l];
      c0[l] = std::uint32_t(p1 >> 32) ^ c1[l] ^ k0;
      c1[l] = std::uint32_t(p1);
      c2[l] = std::uint32_t(p0 >> 32) ^ c3[l] ^ k1;
      c3[l] = std::uint32_t(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int l = 0; l < lanes; ++l) {
    words[4 * l] = c0[l];
    words[4 * l + 1] = c1[l];
    words[4 * l + 2] = c2[l];
    words[4 * l + 3] = c3[l];
  }
}

// u in (0, 1): the first 23 bits of a word, in the middle of its part of the interval.
inline void uniform(int64_t n, std::uint64_t seed, std::uint64_t draw, float* y) {
  parallel(n, words_at_once, 12.0, [&](auto begin, auto end) {
    std::uint32_t words[words_at_once];
    for (auto first = begin; first < end; first += words_at_once) {
      random_words(seed, draw, std::uint64_t(first / 4), words);
      const int count = int(std::min<int64_t>(words_at_once, end - first));
      for (int k = 0; k < count; ++k)
        y[first + k] = (float(words[k] >> 9) + 0.5f) * (1.0f / 8388608);
    }
  });
}

inline void dropout(int64_t n, const float* x, std::uint64_t seed, std::uint64_t draw, double rate,
                    float* y) {
  const auto least = std::uint32_t(rate * 4294967296.0);
  const auto grown = float(1 / (1 - rate));
  parallel(n, words_at_once, 12.0, [&](auto begin, auto end) {
    std::uint32_t words[words_at_once];
    for (auto first = begin; first < end; first += words_at_once) {
      random_words(seed, draw, std::uint64_t(first / 4), words);
      const int count = int(std::min<int64_t>(words_at_once, end - first));
      for (int k = 0; k < count; ++k)
        y[first + k] = words[k] >= least ? (x ? x[first + k] : 1.0f) * grown : 0.0f;
    }
  });
}
