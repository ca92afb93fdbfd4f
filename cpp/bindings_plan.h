// A plan: operations on arrays of known places, run one after the other in a single call.
//
// Arrays lie in numbered buffers: first the arena, whose memory is the plan's own, then arrays that
// it keeps, then those that every run is given. Numbers that a plan keeps may change between runs;
// tokens are copied. The first instructions prepare what depends on kept numbers alone: they run
// again only where these have changed. Others may have a number that leaves them out where it is 0.
#pragma once

#include <atomic>
#include <vector>

#include "bindings_operation.h"
#include "memory.h"

namespace bindings {

class Plan {
 public:
  // instructions: as lstm.backends.contract.instructions says, of these operations; the first
  // `prepared` prepare. inputs: the number of arrays that every run is given, of which the first
  // `finite` must hold finite numbers.
  Plan(const Operations& operations, const nb::list& instructions, std::size_t arena_bytes,
       const nb::list& kept, int inputs, int finite, std::size_t prepared);
  ~Plan();
  Plan(const Plan&) = delete;

  // Runs it so many times in a row, each time on the next part of every array, and with the next
  // numbers; `changed`: whether kept numbers may be others than in the run before. Returns those
  // that operations returned in each, up to where it stopped; None, and does
  // nothing, where another thread runs this plan, or where an input is not finite, or a token none.
  nb::object run(const nb::list& inputs, const nb::sequence& numbers, std::size_t times,
                 bool changed);

 private:
  struct Instruction {
    const Operation* operation;
    std::vector<Slot> slots;  // behind those of the operation, what the result has to be below, and
                              // the number that leaves it out where it is 0
    bool stops, is_optional;
  };
  // Where an input, or a number, is put before a run.
  struct Place {
    std::size_t instruction, argument, given;
    std::int64_t offset, end;
    bool limited;  // whether its numbers, tokens, are held to [least, most]
    std::int64_t least, most;
  };

  void add(const Operations& operations, const nb::tuple& instruction);
  void check_prepared() const;
  const Kind& kind_of(const Place& place) const;

  lstm::Block* arena_;
  std::size_t arena_bytes_;
  std::vector<Py_buffer> kept_;
  std::vector<std::vector<std::int64_t>> tokens_;
  std::size_t inputs_, finite_;
  std::vector<Instruction> instructions_;
  std::size_t prepared_;
  bool is_prepared_ = false;
  std::vector<Place> arrays_, numbers_;
  std::atomic_flag running_ = ATOMIC_FLAG_INIT;
};

void add_plans(nb::module_& module);
void add_plan(nb::module_& module, const Operations& operations);

}  // namespace bindings
