// For the thread sanitizer: two threads run kernels at once while a third changes the number of
// threads. Every result must be the bits that one thread alone computes.

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "kernels.h"
#include "thread_pool.h"

namespace {

using Floats = std::vector<float>;
using Path = lstm::RecurrentPath;

Floats numbers(std::int64_t count, unsigned seed) {
  Floats x(count);
  for (float& value : x) {
    seed = seed * 1664525u + 1013904223u;
    value = float(int(seed >> 8) % 2001 - 1000) / 4000;
  }
  return x;
}

// Outputs and gradients of a recurrent layer, in one row.
Floats recurrent_results(const lstm::Kernels& kernels, const lstm::RecurrentShape& s, Path path) {
  const lstm::CellSizes sizes = kernels.cell_sizes(s);
  const std::int64_t n = s.B * s.T, D = s.D, H = s.H, N = sizes.blocks * H;
  const Floats x = numbers(n * D, 1), w = numbers(D * N, 9), r = numbers(H * N, 10);
  const Floats h0 = numbers(s.B * H, 11);
  // In lanes there may be more sequences, and more numbers of each.
  Floats gates((s.B + 15) * s.T * (sizes.kept + 1) * H), c(n * H), y(n * H);
  Floats dh(s.B * H, 1.0f), dc(s.B * H, 1.0f);
  Floats dw(D * N), dr(H * N), db(sizes.biases * N), dx(n * D);
  lstm::RecurrentForward forward{};
  lstm::RecurrentBackward backward{};
  backward.x = forward.x = x.data();
  backward.w = forward.w = w.data();
  backward.r = forward.r = r.data();
  backward.h0 = forward.h0 = h0.data();
  backward.gates = forward.gates = gates.data();
  backward.c = forward.c = c.data();
  backward.y = forward.y = y.data();
  backward.dh = dh.data();
  backward.dc = dc.data();
  backward.dw = dw.data();
  backward.dr = dr.data();
  backward.db = db.data();
  backward.dx = dx.data();
  kernels.recurrent_forward(s, forward, path);
  kernels.recurrent_backward(s, backward, path);
  Floats all = y;
  for (const Floats* part : {&dx, &dw, &dr, &db, &dh})
    all.insert(all.end(), part->begin(), part->end());
  return all;
}

// An LSTM forward and backward, one of a single sequence, forward also with a recurrent mask, one
// with sequences in the lanes, a GRU, a linear layer, a loss and an optimizer step, each large
// enough to be divided; all outputs in one row.
Floats results(const lstm::Kernels& kernels) {
  constexpr std::int64_t B = 13, T = 5, D = 19, H = 67, V = 71, n = B * T;
  const auto relu = lstm::Activation::relu;
  const lstm::RecurrentShape shape{
      B, T, D, H, lstm::Cell::lstm, 0, false, lstm::Activation::tanh, lstm::Activation::sigmoid};
  const Floats x = numbers(n * D, 1), w = numbers(D * 4 * H, 2), r = numbers(H * 4 * H, 3);
  const Floats w_out = numbers(H * V, 4), dz = numbers(n * V, 5);
  const std::vector<std::int64_t> classes(n, V / 2);
  Floats gates(n * 4 * H), c(n * H), y(n * H), z(n * V), work(n * lstm::logits_pitch(V));
  Floats dy(n * H), dy_loss(n * H), dw_out(H * V), dw_loss(H * V), db_loss(V), dh(B * H), dc(B * H);
  Floats dw(D * 4 * H), dr(H * 4 * H), db(4 * H), dx(n * D);

  lstm::RecurrentForward forward{};
  forward.x = x.data();
  forward.w = w.data();
  forward.r = r.data();
  forward.gates = gates.data();
  forward.c = c.data();
  forward.y = y.data();
  kernels.recurrent_forward(shape, forward, Path::fast);
  kernels.linear_forward(n, H, V, y.data(), w_out.data(), nullptr, nullptr, relu, z.data());
  kernels.linear_backward(n, H, V, dz.data(), y.data(), w_out.data(), z.data(), relu, work.data(),
                          dw_out.data(), nullptr, dy.data());
  const double loss = kernels.linear_cross_entropy(
      {n, H, V, y.data(), w_out.data(), nullptr, classes.data(), nullptr, nullptr, n, work.data(),
       dw_loss.data(), db_loss.data(), dy_loss.data()});
  lstm::RecurrentBackward backward{};
  backward.x = x.data();
  backward.w = w.data();
  backward.r = r.data();
  backward.gates = gates.data();
  backward.c = c.data();
  backward.y = y.data();
  backward.dy = dy.data();
  backward.dh = dh.data();
  backward.dc = dc.data();
  backward.dw = dw.data();
  backward.dr = dr.data();
  backward.db = db.data();
  backward.dx = dx.data();
  kernels.recurrent_backward(shape, backward, Path::fast);
  constexpr std::int64_t wide = 101;
  const Floats w_wide = numbers(D * 4 * wide, 6), r_wide = numbers(wide * 4 * wide, 7);
  const Floats factors = numbers(wide, 8);
  Floats c_wide(wide), y_wide(T * wide), masked_h(T * wide);
  forward.w = w_wide.data();
  forward.r = r_wide.data();
  forward.recurrent_mask = factors.data();
  forward.gates = nullptr;
  forward.masked_h = masked_h.data();
  forward.c = c_wide.data();
  forward.y = y_wide.data();
  lstm::RecurrentShape one = shape;
  one.B = 1;
  one.H = wide;
  kernels.recurrent_forward(one, forward, Path::fast);
  lstm::RecurrentShape narrow = shape, gated = shape;
  narrow.B = 61;
  narrow.H = 13;
  gated.cell = lstm::Cell::gru;
  Floats single = recurrent_results(kernels, one, Path::fast);
  Floats in_lanes = recurrent_results(kernels, narrow, Path::lanes);
  Floats gru = recurrent_results(kernels, gated, Path::framed);
  Floats p = r, m(r.size()), v(r.size());
  kernels.adam(std::int64_t(p.size()), p.data(), dr.data(), m.data(), v.data(), nullptr, 1, 0.01,
               0.9, 0.99, 1e-7f);

  const std::int64_t size = std::int64_t(dr.size());
  Floats all{float(loss), float(kernels.clip_by_norm(size, 1, dr.data(), &size, 1e-3))};
  for (const Floats* part :
       {&y,  &c,  &z, &dy_loss, &dw_loss, &db_loss, &dx,     &dw,     &dr,       &db, &dw_out,
        &dh, &dc, &p, &m,       &v,       &c_wide,  &y_wide, &single, &in_lanes, &gru})
    all.insert(all.end(), part->begin(), part->end());
  return all;
}

bool same(const Floats& a, const Floats& b) {
  return a.size() == b.size() && !std::memcmp(a.data(), b.data(), a.size() * sizeof(float));
}

}  // namespace

int main() {
  const lstm::Kernels& kernels = *lstm::best_kernels();
  lstm::force_teams(true);
  lstm::set_thread_count(1);
  const Floats expected = results(kernels);
  std::atomic<int> wrong{0}, running{2};
  const auto hammer = [&] {
    for (int k = 0; k < 50; ++k) wrong += !same(results(kernels), expected);
    --running;
  };
  std::thread first(hammer), second(hammer);
  for (int count = 1; running; count = count % 4 + 1) {
    lstm::set_thread_count(count);
    std::this_thread::yield();
  }
  first.join();
  second.join();
  std::printf("%s: %d of 100 results differ\n", kernels.name, wrong.load());
  return wrong != 0;
}
