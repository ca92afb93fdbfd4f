// The Python module `lstm.backends._kernels`: checks every array, releases the GIL, calls a kernel.
// Here are its settings, its memory and what writes texts.

#include "bindings.h"

#include <new>

#include "memory.h"
#include "thread_pool.h"

namespace bindings {

const lstm::Kernels* kernels = lstm::best_kernels();

namespace {

// An array whose memory comes from the store and goes back to it.
nb::ndarray<nb::numpy, float> empty(const std::vector<std::size_t>& shape) {
  std::size_t count = 1;
  for (const std::size_t size : shape) {
    if (size && count > (std::size_t(1) << 48) / size) lstm::out_of_memory();
    count *= size;
  }
  lstm::Block* block = lstm::take_block(count * sizeof(float));
  if (!block) lstm::out_of_memory();
  const nb::capsule owner(
      block, [](void* p) noexcept { lstm::return_block(static_cast<lstm::Block*>(p)); });
  return {block->memory, shape.size(), shape.data(), owner};
}

lstm::Choice checked_choice(double temperature, int64_t top_k, double top_p, double min_p,
                            double repetition_penalty) {
  const auto refuse = [](const char* name, const char* expected, double got) {
    fail(name, expected, std::to_string(got));
  };
  if (!(temperature >= 0)) refuse("temperature", "at least 0", temperature);
  if (top_k < 0) fail("top_k", "at least 0", std::to_string(top_k));
  if (!(top_p > 0)) refuse("top_p", "above 0", top_p);
  if (!(min_p >= 0 && min_p <= 1)) refuse("min_p", "in [0, 1]", min_p);
  if (!(repetition_penalty > 0)) refuse("repetition_penalty", "above 0", repetition_penalty);
  return {temperature, top_k, top_p, min_p, repetition_penalty};
}

void sample(In z, Uniforms u, Tokens recent, double temperature, int64_t top_k, double top_p,
            double min_p, double repetition_penalty, TokensOut out) {
  const int64_t B = size("z", z, 2, 0), V = z.shape(1), W = size("recent", recent, 2, 1);
  if (V < 1) fail("z", "at least one token", "none");
  expect("u", u, {B});
  expect("recent", recent, {B, W});
  expect("out", out, {B});
  expect_tokens("recent", recent, V, -1);
  const auto choice = checked_choice(temperature, top_k, top_p, min_p, repetition_penalty);
  unlocked(
      [&] { kernels->sample(B, V, W, z.data(), u.data(), recent.data(), choice, out.data()); });
}

void generate(Tokens tokens, In embedding, std::vector<In> w, std::vector<In> r,
              std::vector<Maybe<In>> b, std::vector<Out> h, std::vector<Out> c, In w_out,
              Maybe<In> b_out, Tokens recent, Uniforms u, double temperature, int64_t top_k,
              double top_p, double min_p, double repetition_penalty, TokensOut drawn) {
  const int64_t B = size("tokens", tokens, 1, 0), N = size("u", u, 2, 1);
  const int64_t W = size("recent", recent, 2, 1);
  const int64_t V = size("embedding", embedding, 2, 0);
  const std::size_t depth = w.size();
  if (!depth || r.size() != depth || b.size() != depth || h.size() != depth || c.size() != depth)
    fail("layers", "as many of each array", "others");
  std::vector<lstm::GenerationLayer> layers;
  int64_t D = embedding.shape(1);
  for (std::size_t k = 0; k < depth; ++k) {
    const int64_t H = size("r", r[k], 2, 0);
    if (H < 1) fail("r", "at least one unit", "none");
    expect("w", w[k], {D, 4 * H});
    expect("r", r[k], {H, 4 * H});
    expect("b", b[k], {4 * H});
    expect("h", h[k], {B, H});
    expect("c", c[k], {B, H});
    layers.push_back({D, H, w[k].data(), r[k].data(), pointer(b[k]), h[k].data(), c[k].data()});
    D = H;
  }
  expect("w_out", w_out, {D, V});
  expect("b_out", b_out, {V});
  expect("recent", recent, {B, W});
  expect("u", u, {B, N});
  expect("drawn", drawn, {B, N});
  expect_tokens("tokens", tokens, V);
  expect_tokens("recent", recent, V, -1);
  const auto choice = checked_choice(temperature, top_k, top_p, min_p, repetition_penalty);
  if (B && V > (int64_t(1) << 40) / B) lstm::out_of_memory();  // for the logits
  const lstm::Generation s{B,
                           N,
                           V,
                           W,
                           tokens.data(),
                           embedding.data(),
                           layers.data(),
                           int(depth),
                           w_out.data(),
                           pointer(b_out),
                           recent.data(),
                           u.data(),
                           choice,
                           drawn.data()};
  unlocked([&] { kernels->generate(s); });
}

void matmul(In a, In b, Out c) {
  const int64_t M = size("a", a, 2, 0), K = a.shape(1), N = size("b", b, 2, 1);
  expect("b", b, {K, N});
  expect("c", c, {M, N});
  unlocked([&] { kernels->matmul(M, N, K, a.data(), b.data(), c.data()); });
}

void add_settings(nb::module_& m) {
  m.def("instruction_set", [] { return std::string(kernels->name); });
  m.def("set_instruction_set", [](const std::string& name) {
    const lstm::Kernels* found = lstm::find_kernels(name.c_str());
    if (found) kernels = found;
    return found != nullptr;
  });
  m.def("logits_pitch", lstm::logits_pitch);
  m.def("force_teams", lstm::force_teams);
  m.def("teams_so_far", lstm::teams_so_far);
  m.def("num_threads", [] { return lstm::thread_count(); });
  m.def("set_num_threads", [](int count) {
    if (count < 1 || count > 4096) fail("count", "1 to 4096", std::to_string(count));
    lstm::set_thread_count(count);
  });
}

}  // namespace
}  // namespace bindings

NB_MODULE(_kernels, m) {
  using namespace bindings;
  lstm::prepare_thread();
  add_settings(m);
  m.def("empty", empty, "shape"_a);
  add_layers(m);
  add_losses_and_optimizers(m);
  m.def("sample", sample, "z"_a, "u"_a, exact("recent"), "temperature"_a, "top_k"_a, "top_p"_a,
        "min_p"_a, "repetition_penalty"_a, exact("out"));
  m.def("generate", generate, exact("tokens"), "embedding"_a, "w"_a, "r"_a, "b"_a, exact("h"),
        exact("c"), "w_out"_a, none("b_out"), exact("recent"), "u"_a, "temperature"_a, "top_k"_a,
        "top_p"_a, "min_p"_a, "repetition_penalty"_a, exact("drawn"));
  m.def("matmul", matmul, "a"_a, "b"_a, exact("c"));
}
