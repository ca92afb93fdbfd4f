// An operation, declared in a line of text, and calls of it, with every check of their arguments:
//
//   "n D F: dy[... F], x[... D], w[D F], activation, dz?activation[... F], dw?[D F], dx?[... D]"
//
// Before the colon stand the sizes that the kernel gets, behind it the arguments in its order,
// which is Python's. Their types are those of the kernel: a pointer to what is const is read.
// - x[B T D] is an array. A letter is the same size everywhere; 4H is four times H, V16 the
// multiple
//   of 16 that V fits into. `...` are any axes, and n is their product, everywhere the same.
// - b?[F] may be None. dz?activation[F] is an array where `activation` is neither None nor 0, None
//   elsewhere, and rows?!classes[n] the other way round. An array without a shape is always None.
// - 0<=tokens<V[n], 0<top_p and 1<=V hold the values of an array, a number, a size.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bindings {

namespace nb = nanobind;
using std::int64_t;

[[noreturn]] void fail(const std::string& name, const std::string& expected,
                       const std::string& got);

// What a kernel takes: its name in Python, and if it is an array, the letters for its numbers in
// the buffer protocol.
struct Kind {
  const char *name, *formats = nullptr;
  bool written = false;
  int size = 0, last_code = 0;
};

// A number, or the size of a letter, that a value is held to.
struct Limit {
  bool there, strict;
  double number;
  int letter;  // or -1
};

struct Axis {
  std::string text;
  int64_t factor, multiple;
  int letter;  // or -1
  bool any, plain;  // whether it is `...`; whether it is a letter alone, or `...`
};

struct Argument {
  std::string name;
  Kind kind;
  Limit least, most;
  bool shaped, nullable, without;
  int with;  // the argument with or without which it is there, or -1
  std::vector<Axis> axes;

  bool may_be_none() const { return kind.formats && (nullable || !shaped); }
};

// A size or an argument of a kernel, whatever it is.
union Slot {
  int64_t integer;
  double number;
  void* memory;
};

struct Operation {
  std::string name, letters;  // one for each size, those of the kernel first
  std::vector<Argument> sizes, arguments;
  std::function<double(const Slot*)> run;  // the kernel, with its sizes and arguments
  bool returns = false;                    // whether it returns a number

  Operation(const std::string& name, const std::string& line, const std::vector<Kind>& kinds);
  std::string signature(const std::string& result) const;
};

// By name, as long as the process lives.
using Operations = std::map<std::string, Operation>;

// A call holds the memory of its arguments as long as it lives.
class Call {
 public:
  explicit Call(const Operation& operation) : operation_(operation) { sizes_.fill(-1); }
  Call(const Call&) = delete;
  ~Call();

  void take(std::size_t k, PyObject* array);
  void take(std::size_t k, double number) { given_[k].number = number; }
  // An array of this shape, which outlives the call; its content is checked if there is memory.
  void take(std::size_t k, const std::vector<Py_ssize_t>& shape, void* memory);
  void check();  // before anything is read or written
  // The least and the most that the numbers of an array of int64 may be.
  std::pair<int64_t, int64_t> limits(const Argument& a) const {
    return {int64_t(value(a.least)), int64_t(value(a.most)) - a.most.strict};
  }
  int64_t size(std::size_t letter) const { return sizes_[letter]; }
  void* data(std::size_t k) const;

  static constexpr std::size_t most_arguments = 24, most_sizes = 12;

 private:
  struct Given {
    Py_buffer view;
    std::unique_ptr<char[]> copy;  // of what has gaps
    double number = 0;
    bool there = false, loose = false;
  };

  bool is_given(std::size_t k) const { return given_[k].there || given_[k].number != 0; }
  double value(const Limit& limit) const {
    return limit.letter < 0 ? limit.number : double(sizes_[limit.letter]);
  }
  void check_presence(std::size_t k) const;
  void check_shape(std::size_t k, bool first);
  void check_values(std::size_t k);
  void check_limits(const Argument& a, double number) const;
  [[noreturn]] void fail_shape(std::size_t k) const;

  const Operation& operation_;
  std::array<Given, most_arguments> given_;
  std::array<int64_t, most_sizes> sizes_;
};

}  // namespace bindings
