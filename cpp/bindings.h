// How Python calls a kernel: its arguments are checked, the GIL released.
#pragma once

#include <nanobind/stl/string.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bindings_operation.h"
#include "kernels.h"

namespace bindings {

// Take the GIL again. In a daemon thread, while the interpreter exits, Python ends the thread by an
// unwinding that must not cross the binding: such a thread waits here for the end of the process.
inline void lock(PyThreadState* state) {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

// Run a kernel without the GIL, which is back even if there was no memory for it.
template <class F>
auto unlocked(F f) {
  const struct Unlocked {
    PyThreadState* state = PyEval_SaveThread();
    ~Unlocked() { lock(state); }
  } guard;
  return f();
}

// How a kernel's argument of type A is passed: what Python gives, how the call takes it, and what
// it becomes once all is checked. Numbers, and codes:
template <class A>
struct Passing {
  using Given = std::conditional_t<std::is_enum_v<A>, int, A>;
  static Kind kind() {
    if constexpr (std::is_enum_v<A>)
      return {"code", nullptr, false, 0, int(last(A{}))};
    else
      return {std::is_same_v<A, bool> ? "bool" : std::is_integral_v<A> ? "int" : "float"};
  }
  static void take(Call& call, std::size_t k, Given given) { call.take(k, double(given)); }
  static A get(const Call&, std::size_t, Given given) { return A(given); }
  static A of(const Slot& slot) {
    if constexpr (std::is_floating_point_v<A>) return A(slot.number);
    return A(slot.integer);
  }
};

template <class T>
struct Passing<T*> {
  using Given = nb::handle;
  static Kind kind() {
    constexpr bool written = !std::is_const_v<T>;
    const int size = sizeof(T);
    if (std::is_same_v<const T, const float>) return {"float32", "f", written, size, 0};
    if (std::is_same_v<const T, const double>) return {"float64", "d", written, size, 0};
    if (std::is_same_v<const T, const std::uint8_t>) return {"bool_", "?", written, size, 0};
    if (std::is_same_v<const T, const std::int8_t>) return {"int8", "b", written, size, 0};
    return {"int64", "lq", written, size, 0};
  }
  static void take(Call& call, std::size_t k, Given given) { call.take(k, given.ptr()); }
  static T* get(const Call& call, std::size_t k, Given) { return static_cast<T*>(call.data(k)); }
  static T* of(const Slot& slot) { return static_cast<T*>(slot.memory); }
};

// A function of the fields of a struct, in which all else is zero.
template <class S, class F, class... Field>
auto of_fields(F run, Field... fields) {
  return std::function([=](std::decay_t<decltype(std::declval<S&>().*fields)>... values) {
    S s{};
    ((s.*fields = values), ...);
    return run(s);
  });
}

inline std::string times_H(int n) { return n == 1 ? "H" : std::to_string(n) + "H"; }

// The layers of a generator: a list with the arrays of each.
template <class Layer>
struct Layers {
  std::vector<std::shared_ptr<Call>> calls;
  std::vector<Layer> each;
};

// Of B texts, whose first layer reads rows of E numbers, and the last gives rows of `last`.
template <class Layer>
Layers<Layer> checked_layers(int64_t B, int64_t E, int64_t last, const nb::list& given);

template <class Layer>
struct Passing<Layers<Layer>> {
  using Given = nb::list;
  static Kind kind() { return {"list"}; }
  static void take(Call&, std::size_t, const Given&) {}
  static Layers<Layer> get(const Call& call, std::size_t, const Given& given) {
    return checked_layers<Layer>(call.size(0), call.size(4), call.size(5), given);
  }
  static Layers<Layer> of(const Slot&) { throw std::logic_error("a plan has no lists"); }
};

// The sizes are the numbers that a kernel takes first.
template <class... A>
constexpr std::size_t count_sizes() {
  std::size_t count = 0;
  bool leading = true;
  ((leading = leading && std::is_same_v<A, int64_t>, count += leading), ...);
  return count;
}

// The operations of a module, with the kernels of one precision of products; of each the line that
// declares it, and the kinds of its arguments.
struct Table {
  nb::module_& module;
  const lstm::Kernels* const& kernels;  // those of the instruction set in use
  Operations& operations;
  nb::dict lines{};

  Operation& declare(const std::string& name, const std::string& line,
                     const std::vector<Kind>& kinds) {
    nb::list listed;
    for (const Kind& kind : kinds)
      listed.append(nb::make_tuple(kind.name, kind.written, kind.last_code));
    lines[name.c_str()] = nb::make_tuple(line, listed);
    return operations.emplace(name, Operation(name, line, kinds)).first->second;
  }

  template <class R, class... A>
  void add(const std::string& name, const std::string& line, std::function<R(A...)> kernel) {
    constexpr std::size_t sizes = count_sizes<A...>();
    add(name, line, kernel, std::make_index_sequence<sizes>(),
        std::make_index_sequence<sizeof...(A) - sizes>());
  }

  template <class R, class... A>
  void add(const std::string& name, const std::string& line, R (*lstm::Kernels::*kernel)(A...)) {
    add(name, line,
        std::function([kernel, &kernels = kernels](A... a) { return (kernels->*kernel)(a...); }));
  }

 private:
  template <class R, class... A, std::size_t... S, std::size_t... K>
  void add(const std::string& name, const std::string& line, std::function<R(A...)> kernel,
           std::index_sequence<S...>, std::index_sequence<K...>) {
    using All = std::tuple<A...>;
    constexpr std::size_t first = sizeof...(S);
    auto& operation = declare(name, line, {At<All, first + K>::kind()...});
    operation.run = [kernel](const Slot* slots) {
      const All all{slots[S].integer..., At<All, first + K>::of(slots[first + K])...};
      if constexpr (!std::is_void_v<R>) return double(std::apply(kernel, all));
      std::apply(kernel, all);
      return 0.0;
    };
    operation.returns = !std::is_void_v<R>;
    module.def(
        name.c_str(),
        [&operation, kernel](typename At<All, first + K>::Given... given) {
          Call call(operation);
          (At<All, first + K>::take(call, K, given), ...);
          call.check();
          const All all{call.size(S)..., At<All, first + K>::get(call, K, given)...};
          return unlocked([&] { return std::apply(kernel, all); });
        },
        nb::sig(operation.signature(std::is_void_v<R> ? "None" : "float").c_str()),
        ((void)K, nb::arg().none())...);
  }

  template <class All, std::size_t k>
  using At = Passing<std::tuple_element_t<k, All>>;
};

// All of them, and those with int8 weights.
void fill(Table& table);
void fill_int8(Table& table);

}  // namespace bindings
