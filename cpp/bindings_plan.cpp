#include "bindings_plan.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <tuple>

#include "bindings.h"
#include "memory.h"

namespace bindings {
namespace {

constexpr std::int64_t largest = std::int64_t(1) << 48;  // bytes of an array

// Buffers of Python, released at the end.
struct Views {
  std::vector<Py_buffer> all;

  void take(const nb::handle array) {
    Py_buffer view;
    if (PyObject_GetBuffer(array.ptr(), &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)) {
      PyErr_Clear();
      fail("arrays", "memory without gaps", nb::str(array.type()).c_str());
    }
    all.push_back(view);
  }
  ~Views() {
    for (Py_buffer& view : all) PyBuffer_Release(&view);
  }
};

bool are_within(const void* tokens, std::int64_t bytes, std::int64_t least, std::int64_t most) {
  const auto* first = static_cast<const std::int64_t*>(tokens);
  return std::all_of(first, first + bytes / 8,
                     [=](std::int64_t token) { return least <= token && token <= most; });
}

void check_kind(const Argument& argument, const Py_buffer& view) {
  if (std::strlen(view.format) != 1 || !std::strchr(argument.kind.formats, *view.format))
    fail(argument.name, std::string("an array of ") + argument.kind.name, view.format);
  if (argument.kind.written && view.readonly)
    fail(argument.name, "memory to write to", "memory to read");
}

bool is_finite(const Py_buffer& view) {
  if (*view.format != 'f') return true;
  const auto* x = static_cast<const float*>(view.buf);
  return std::all_of(x, x + view.len / 4, [](float number) { return std::isfinite(number); });
}

nb::tuple tuple_of(const std::string& name, const nb::handle value, std::size_t size) {
  if (!nb::isinstance<nb::tuple>(value) || nb::len(value) != size)
    fail(name, "a tuple of " + std::to_string(size), nb::repr(value).c_str());
  return nb::tuple(nb::cast<nb::tuple>(value));
}

// The place of a number that every run is given.
std::size_t place_of(const nb::handle given) {
  return nb::cast<std::size_t>(tuple_of("number", given, 1)[0]);
}

const Kind number{"float"};

// A number as the kernel takes it.
Slot slot_of(const Kind& kind, const nb::handle value) {
  Slot slot{};
  if (std::strcmp(kind.name, "float") == 0)
    slot.number = nb::cast<double>(value);
  else if (PyLong_Check(value.ptr()))
    slot.integer = std::int64_t(PyLong_AsUnsignedLongLongMask(value.ptr()));
  else
    slot.integer = nb::cast<std::int64_t>(value);
  return slot;
}

}  // namespace

Plan::Plan(const Operations& operations, const nb::list& instructions, std::size_t arena_bytes,
           const nb::list& kept, int inputs, int finite, std::size_t prepared)
    : arena_bytes_(arena_bytes), inputs_(inputs), finite_(finite), prepared_(prepared) {
  arena_ = lstm::take_block(arena_bytes + 1);
  if (!arena_) lstm::out_of_memory();
  try {
    Views views;
    if (inputs < finite || finite < 0) fail("inputs", "at least `finite`", std::to_string(inputs));
    for (const nb::handle array : kept) views.take(array);
    kept_.swap(views.all);
    for (const nb::handle item : instructions)
      add(operations, tuple_of("instruction", item, nb::len(item) == 3 ? 3 : 4));
    check_prepared();
  } catch (...) {
    for (Py_buffer& view : kept_) PyBuffer_Release(&view);
    lstm::return_block(arena_);
    throw;
  }
}

Plan::~Plan() {
  for (Py_buffer& view : kept_) PyBuffer_Release(&view);
  lstm::return_block(arena_);
}

void Plan::add(const Operations& operations, const nb::tuple& given) {
  const auto name = nb::cast<std::string>(given[0]);
  const auto found = operations.find(name);
  if (found == operations.end() || !found->second.run) fail("name", "an operation", name);
  const Operation& operation = found->second;
  const nb::tuple arguments(given[1]);
  const std::size_t sizes = operation.sizes.size(), count = operation.arguments.size();
  if (arguments.size() != count)
    fail(name, std::to_string(count) + " arguments", std::to_string(arguments.size()));
  Instruction instruction{&operation, std::vector<Slot>(sizes + count + 2), !given[2].is_none(),
                          given.size() > 3 && !given[3].is_none()};
  std::vector<std::vector<Py_ssize_t>> shapes(count);
  Call call(operation);
  for (std::size_t k = 0; k < count; ++k) {
    const Kind& kind = operation.arguments[k].kind;
    const nb::handle value = arguments[k];
    Slot& slot = instruction.slots[sizes + k];
    const Place place{instructions_.size(), sizes + k, 0, 0, 0, false, 0, 0};
    if (!kind.formats && nb::isinstance<nb::tuple>(value)) {
      numbers_.push_back(place);
      numbers_.back().given = place_of(value);
      call.take(k, 1);
    } else if (!kind.formats) {
      slot = slot_of(kind, value);
      call.take(k, std::strcmp(kind.name, "float") ? double(slot.integer) : slot.number);
    } else if (!value.is_none()) {
      const nb::tuple array = tuple_of(operation.arguments[k].name, value, 4);
      const auto dtype = nb::cast<std::string>(array[3]);
      if (dtype != kind.name) fail(operation.arguments[k].name, kind.name, dtype);
      const auto buffer = nb::cast<std::size_t>(array[0]);
      const auto offset = nb::cast<std::int64_t>(array[1]);
      std::int64_t bytes = kind.size;
      for (const nb::handle item : nb::cast<nb::tuple>(array[2])) {
        const auto size = shapes[k].emplace_back(nb::cast<Py_ssize_t>(item));
        bytes = size < 0 || (size && bytes > largest / size) ? -1 : bytes * size;
        if (bytes < 0) break;
      }
      const bool in_arena = buffer == 0, is_kept = buffer && buffer <= kept_.size();
      const std::int64_t room = in_arena  ? std::int64_t(arena_bytes_)
                                : is_kept ? kept_[buffer - 1].len
                                          : INT64_MAX;
      if (offset < 0 || bytes < 0 || offset % kind.size || offset > room - bytes ||
          buffer > kept_.size() + inputs_)
        fail(operation.arguments[k].name, "a place within a buffer", std::to_string(offset));
      if (is_kept) check_kind(operation.arguments[k], kept_[buffer - 1]);
      if (in_arena || is_kept)
        slot.memory =
            static_cast<char*>(in_arena ? arena_->memory : kept_[buffer - 1].buf) + offset;
      else
        arrays_.push_back(
            {place.instruction, place.argument, buffer - kept_.size() - 1, offset, offset + bytes});
      if (is_kept && kind.size == 8) {
        // Tokens are checked now: a copy of them cannot change.
        const auto* first = static_cast<const std::int64_t*>(slot.memory);
        slot.memory = tokens_.emplace_back(first, first + bytes / 8).data();
      }
      call.take(k, shapes[k], is_kept ? slot.memory : nullptr);
    }
  }
  call.check();
  for (std::size_t k = 0; k < sizes; ++k) instruction.slots[k].integer = call.size(k);
  for (std::size_t k = 2; k < given.size(); ++k) {
    const std::size_t slot = sizes + count + k - 2;
    if (nb::isinstance<nb::tuple>(given[k]))
      numbers_.push_back({instructions_.size(), slot, place_of(given[k]), 0, 0, false, 0, 0});
    else if (!given[k].is_none())
      instruction.slots[slot] = slot_of(number, given[k]);
  }
  for (Place& place : arrays_)
    if (place.instruction == instructions_.size()) {
      const Argument& argument = operation.arguments[place.argument - sizes];
      place.limited = argument.most.there;
      std::tie(place.least, place.most) = call.limits(argument);
    }
  instructions_.push_back(std::move(instruction));
}

const Kind& Plan::kind_of(const Place& place) const {
  const Operation& operation = *instructions_[place.instruction].operation;
  const std::size_t k = place.argument - operation.sizes.size();
  return k < operation.arguments.size() ? operation.arguments[k].kind : number;
}

// What runs once for many inputs takes nothing from a run, and does not end it.
void Plan::check_prepared() const {
  const auto given = [&](const std::vector<Place>& places) {
    return std::any_of(places.begin(), places.end(),
                       [&](const Place& place) { return place.instruction < prepared_; });
  };
  bool returns = prepared_ > instructions_.size();
  for (std::size_t k = 0; !returns && k < prepared_; ++k)
    returns = instructions_[k].operation->returns;
  if (returns || given(arrays_) || given(numbers_))
    fail("prepared", "instructions that depend on kept arrays alone", std::to_string(prepared_));
}

nb::object Plan::run(const nb::list& inputs, const nb::sequence& numbers, std::size_t times,
                     bool changed) {
  if (running_.test_and_set(std::memory_order_acquire)) return nb::none();
  const struct Running {
    std::atomic_flag& flag;
    ~Running() { flag.clear(std::memory_order_release); }
  } running{running_};
  if (inputs.size() != inputs_)
    fail("inputs", std::to_string(inputs_) + " arrays", std::to_string(inputs.size()));
  if (times == 0) fail("times", "at least 1", "0");
  Views views;
  for (const nb::handle array : inputs) views.take(array);
  for (std::size_t k = 0; k < finite_; ++k)
    if (!is_finite(views.all[k])) return nb::none();
  std::vector<std::int64_t> parts(inputs_);  // bytes of each that a run takes
  for (std::size_t k = 0; k < inputs_; ++k) parts[k] = views.all[k].len / std::int64_t(times);
  for (const Place& place : arrays_) {
    const Operation& operation = *instructions_[place.instruction].operation;
    const Argument& argument = operation.arguments[place.argument - operation.sizes.size()];
    const Py_buffer& view = views.all[place.given];
    check_kind(argument, view);
    if (parts[place.given] < place.end || view.len % std::int64_t(times))
      fail(argument.name, std::to_string(place.end) + " bytes for each run",
           std::to_string(view.len));
    for (std::size_t k = 0; place.limited && k < times; ++k)
      if (!are_within(static_cast<char*>(view.buf) + k * parts[place.given] + place.offset,
                      place.end - place.offset, place.least, place.most))
        return nb::none();
  }
  const std::size_t count = nb::len(numbers), width = count / times;
  std::vector<Slot> given;
  for (std::size_t k = 0; k < times; ++k)
    for (const Place& place : numbers_) {
      if (place.given >= width || count % times)
        fail("numbers", "one for each place and run", std::to_string(count));
      given.push_back(slot_of(kind_of(place), numbers[k * width + place.given]));
    }
  std::vector<std::vector<double>> results(times);
  const auto run_once = [&](std::size_t k) {
    for (const Place& place : arrays_)
      instructions_[place.instruction].slots[place.argument].memory =
          static_cast<char*>(views.all[place.given].buf) + k * parts[place.given] + place.offset;
    for (std::size_t n = 0; n < numbers_.size(); ++n)
      instructions_[numbers_[n].instruction].slots[numbers_[n].argument] =
          given[k * numbers_.size() + n];
    for (std::size_t n = prepared_; n < instructions_.size(); ++n) {
      const Instruction& instruction = instructions_[n];
      const Slot* last = &instruction.slots.back();
      if (instruction.is_optional && last->number == 0) continue;
      const double result = instruction.operation->run(instruction.slots.data());
      if (!instruction.operation->returns) continue;
      results[k].push_back(result);
      if (instruction.stops && !(std::abs(result) < last[-1].number)) return false;
    }
    return true;
  };
  std::size_t ran = 0;
  unlocked([&] {
    if (changed) is_prepared_ = false;
    for (std::size_t k = 0; !is_prepared_ && k < prepared_; ++k)
      instructions_[k].operation->run(instructions_[k].slots.data());
    is_prepared_ = true;
    while (ran < times && run_once(ran++)) continue;
  });
  results.resize(ran);
  return nb::cast(results);
}

void add_plans(nb::module_& module) {
  nb::set_leak_warnings(false);  // A model that lives until the interpreter exits is no leak.
  nb::class_<Plan>(module, "Plan")
      .def("run", &Plan::run, nb::arg("inputs"), nb::arg("numbers"), nb::arg("times") = 1,
           nb::arg("changed") = true);
}

void add_plan(nb::module_& module, const Operations& operations) {
  module.def(
      "plan",
      [&operations](const nb::list& instructions, std::size_t arena_bytes, const nb::list& kept,
                    int inputs, int finite, std::size_t prepared) {
        return new Plan(operations, instructions, arena_bytes, kept, inputs, finite, prepared);
      },
      nb::arg("instructions"), nb::arg("arena_bytes"), nb::arg("kept"), nb::arg("inputs"),
      nb::arg("finite") = 0, nb::arg("prepared") = 0);
}

}  // namespace bindings
