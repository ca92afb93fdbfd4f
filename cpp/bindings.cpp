// The Python module `lstm.backends._kernels`: checks every array, releases the GIL, calls a kernel.
// Here are its settings and its memory; its operations are in `bindings_table.cpp`.

#include "bindings.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <new>

#include "memory.h"
#include "bindings_plan.h"
#include "thread_pool.h"

namespace bindings {

namespace {

// Those of the instruction set in use; tests choose another.
const lstm::Kernels* float32 = lstm::best_kernels();
const lstm::Kernels* bfloat16 = lstm::bfloat16_kernels();

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

// All that is computed in one precision of products.
void add_operations(nb::module_& m, const lstm::Kernels* const& kernels) {
  auto& operations = *new Operations;
  m.def("instruction_set", [&kernels] { return std::string(kernels->name); });
  m.def("logits_pitch", lstm::logits_pitch);
  m.def("best_in_lanes", [&kernels](int64_t B, int64_t H) { return kernels->best_in_lanes(B, H); });
  m.def("empty", empty, nb::arg("shape"));
  Table table{m, kernels, operations};
  fill(table);
  fill_int8(table);
  add_plan(m, operations);
  m.def("operations", [lines = table.lines] { return lines; });
}

void add_settings(nb::module_& m) {
  m.def("set_instruction_set", [](const std::string& name) {
    if (const auto found = lstm::find_kernels(name.c_str())) return float32 = found, true;
    if (const auto found = lstm::find_bfloat16_kernels(name.c_str())) return bfloat16 = found, true;
    return false;
  });
  m.def("cell_sizes", [](int cell, unsigned options) {
    if (cell < 0 || cell >= lstm::cells) fail("cell", "a code", std::to_string(cell));
    lstm::RecurrentShape s{};
    s.cell = lstm::Cell(cell);
    s.options = options;
    const lstm::CellSizes n = float32->cell_sizes(s);
    if (options & ~n.options) fail("options", "those of the cell", std::to_string(options));
    return nb::make_tuple(n.blocks, n.kept, n.biases, n.remembers);
  });
  m.def("force_teams", lstm::force_teams, nb::arg("force"), nb::arg("waits") = 0);
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
  add_plans(m);
  add_operations(m, float32);
  // The same in a module of its own, None where it cannot run.
  nb::object rounding = nb::none();
  if (bfloat16) {
    auto module = nb::steal<nb::module_>(PyModule_New("lstm.backends._kernels.bfloat16"));
    add_operations(module, bfloat16);
    rounding = module;
  }
  m.def("bfloat16", [rounding] { return rounding; });
}
