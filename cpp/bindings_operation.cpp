// Reads the lines that declare operations, and checks calls of them.

#include "bindings_operation.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace bindings {
namespace {

constexpr int64_t longest = int64_t(1) << 40;  // sizes can be multiplied

struct Reader {
  const char* at;
  std::string& letters;

  bool take(const char* what) {
    at += std::strspn(at, " ");
    const std::size_t length = std::strlen(what);
    if (std::strncmp(at, what, length)) return false;
    at += length;
    return true;
  }

  std::string word() {
    const char* begin = at += std::strspn(at, " ");
    while (std::isalnum(*at) || *at == '_') ++at;
    return {begin, at};
  }

  int letter(char c) {
    if (letters.find(c) == letters.npos) letters += c;
    return int(letters.find(c));
  }

  Limit limit(bool strict) {
    if (std::isalpha(*at)) return {true, strict, 0, letter(*at++)};
    char* end;
    const double number = std::strtod(at, &end);
    at = end;
    return {true, strict, number, -1};
  }

  Axis axis() {
    if (take("...")) return {"...", 1, 1, letter('n'), true, true};
    Axis axis{word(), 1, 1, -1, false, false};
    const char* text = axis.text.c_str();
    if (std::isdigit(*text)) axis.factor = *text++ - '0';
    if (*text) axis.letter = letter(*text++);
    if (*text) axis.multiple = std::atoi(text);
    axis.plain = std::isalpha(axis.text[0]) && !*text;
    return axis;
  }

  Argument argument(const Kind& kind, const std::vector<Argument>& before) {
    Argument a{};
    a.kind = kind;
    a.with = -1;
    take("");
    if (*at == '-' || std::isdigit(*at)) {
      a.least = limit(false);
      a.least.strict = !take("<=") && take("<");
    }
    a.name = word();
    if (take("<=")) a.most = limit(false);
    if (take("<")) a.most = limit(true);
    if (take("?")) {
      a.nullable = true;
      a.without = take("!");
      const std::string other = word();
      for (std::size_t k = 0; k < before.size(); ++k)
        if (before[k].name == other) a.with = int(k);
      if (a.with < 0 && !other.empty()) throw std::logic_error(a.name + ": no " + other);
    }
    a.shaped = take("[");
    while (a.shaped && !take("]")) a.axes.push_back(axis());
    if (kind.last_code) {
      a.least = {true, false, 0, -1};
      if (!a.most.there) a.most = {true, false, double(kind.last_code), -1};
    }
    take(",");
    return a;
  }
};

std::string text_of(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", number);
  return text;
}

// The product of axes, or where it is too large to be multiplied again, -1.
int64_t product(const Py_ssize_t* begin, const Py_ssize_t* end) {
  int64_t result = 1;
  for (; begin < end; ++begin) {
    if (*begin && result > longest / *begin) return -1;
    result *= *begin;
  }
  return result;
}

}  // namespace

void fail(const std::string& name, const std::string& expected, const std::string& got) {
  throw std::invalid_argument(name + ": expected " + expected + ", got " + got);
}

Operation::Operation(const std::string& called, const std::string& line,
                     const std::vector<Kind>& kinds)
    : name(called) {
  Reader in{line.c_str(), letters};
  while (!in.take(":")) {
    sizes.push_back(in.argument({"size"}, {}));
    in.letter(sizes.back().name[0]);
  }
  for (const Kind& kind : kinds) arguments.push_back(in.argument(kind, arguments));
  if (*in.at || arguments.size() > Call::most_arguments || letters.size() > Call::most_sizes)
    throw std::logic_error(name + ": does not fit its kernel");
}

std::string Operation::signature(const std::string& result) const {
  std::string text;
  for (const Argument& a : arguments) {
    std::string type = a.kind.last_code ? "int" : a.kind.name;
    if (a.kind.formats) type = "numpy.typing.NDArray[numpy." + type + "]";
    text += (text.empty() ? "" : ", ") + a.name + ": " + type + (a.may_be_none() ? " | None" : "");
  }
  return "def " + name + "(" + text + ") -> " + result;
}

Call::~Call() {
  for (Given& given : given_)
    if (given.there) PyBuffer_Release(&given.view);
}

void Call::take(std::size_t k, PyObject* object) {
  if (object == Py_None) return;
  const Argument& a = operation_.arguments[k];
  Py_buffer& view = given_[k].view;
  given_[k].there = PyObject_GetBuffer(object, &view, PyBUF_RECORDS_RO) == 0;
  if (!given_[k].there) PyErr_Clear();
  const char* format = given_[k].there ? view.format : "";
  if (*format == '=') ++format;  // as NumPy has it at odd addresses
  if (std::strlen(format) != 1 || !std::strchr(a.kind.formats, *format) ||
      view.itemsize != a.kind.size) {
    const nb::handle other(object);
    fail(a.name, std::string("an array of ") + a.kind.name,
         nb::str(nb::getattr(other, "dtype", other.type())).c_str());
  }
  given_[k].loose = !PyBuffer_IsContiguous(&view, 'C') ||
                    reinterpret_cast<std::uintptr_t>(view.buf) % a.kind.size;
  if (a.kind.written && (view.readonly || given_[k].loose))
    fail(a.name, "memory to write to, aligned and without gaps",
         view.readonly ? "memory to read" : "other memory");
}

void Call::take(std::size_t k, const std::vector<Py_ssize_t>& shape, void* memory) {
  Given& given = given_[k];
  given.there = true;
  given.view = {};
  given.view.buf = memory;
  given.view.shape = const_cast<Py_ssize_t*>(shape.data());
  given.view.ndim = int(shape.size());
  given.view.len =
      product(shape.data(), shape.data() + shape.size()) * operation_.arguments[k].kind.size;
}

void* Call::data(std::size_t k) const {
  const Given& given = given_[k];
  return !given.there ? nullptr : given.copy ? given.copy.get() : given.view.buf;
}

void Call::check() {
  const std::size_t count = operation_.arguments.size();
  for (std::size_t k = 0; k < count; ++k) check_presence(k);
  for (const bool first : {true, false})
    for (std::size_t k = 0; k < count; ++k)
      if (given_[k].there) check_shape(k, first);
  for (std::size_t k = 0; k < operation_.sizes.size(); ++k)
    check_limits(operation_.sizes[k], double(sizes_[k]));
  for (std::size_t k = 0; k < count; ++k)
    if (given_[k].there)
      check_values(k);
    else if (!operation_.arguments[k].kind.formats)
      check_limits(operation_.arguments[k], given_[k].number);
}

void Call::check_presence(std::size_t k) const {
  const Argument& a = operation_.arguments[k];
  const bool there = given_[k].there, alone = a.with < 0;
  const bool may = a.shaped && (alone || is_given(a.with) != a.without);
  const bool must = may && !(alone && a.nullable);
  if (a.kind.formats && (there ? !may : must))
    fail(a.name, there ? "None" : "an array", there ? "an array" : "None");
}

// Sizes that are not known yet are first read from the array.
void Call::check_shape(std::size_t k, bool first) {
  const Argument& a = operation_.arguments[k];
  const Py_buffer& view = given_[k].view;
  const int more = view.ndim - int(a.axes.size());  // axes than are named
  const Py_ssize_t* at = view.shape;
  bool fits = !a.axes.empty() && a.axes[0].any ? more >= -1 : more == 0;
  for (const Axis& axis : a.axes) {
    if (!fits) break;
    const Py_ssize_t* end = at + (axis.any ? more + 1 : 1);
    const int64_t got = product(at, end), size = axis.letter < 0 ? 1 : sizes_[axis.letter];
    if (axis.plain && size < 0) sizes_[axis.letter] = got;
    fits = got >= 0 && (first || got == (axis.factor * size + axis.multiple - 1) / axis.multiple *
                                            axis.multiple);
    at = end;
  }
  if (!fits) fail_shape(k);
}

void Call::fail_shape(std::size_t k) const {
  const Argument& a = operation_.arguments[k];
  const Py_buffer& view = given_[k].view;
  std::string expected, sizes, got;
  for (const Axis& axis : a.axes) expected += (expected.empty() ? "" : ", ") + axis.text;
  for (std::size_t letter = 0; letter < operation_.letters.size(); ++letter)
    if (sizes_[letter] >= 0)
      sizes += (sizes.empty() ? " where " : ", ") + operation_.letters.substr(letter, 1) + " = " +
               std::to_string(sizes_[letter]);
  for (int axis = 0; axis < view.ndim; ++axis)
    got += (axis ? ", " : "") + std::to_string(view.shape[axis]);
  fail(a.name, "shape (" + expected + ")" + sizes, "(" + got + ")");
}

void Call::check_limits(const Argument& a, double number) const {
  const double least = value(a.least), most = value(a.most);
  const bool above = !a.least.there || (a.least.strict ? number > least : number >= least);
  const bool below = !a.most.there || (a.most.strict ? number < most : number <= most);
  if (above && below) return;
  std::string expected = a.name;
  if (a.least.there) expected = text_of(least) + (a.least.strict ? " < " : " <= ") + expected;
  if (a.most.there) expected += (a.most.strict ? " < " : " <= ") + text_of(most);
  fail(a.name, expected, text_of(number));
}

// What has gaps is copied, now that its size is known to be right.
void Call::check_values(std::size_t k) {
  const Argument& a = operation_.arguments[k];
  Given& given = given_[k];
  if (given.loose) {
    given.copy.reset(new char[given.view.len]);
    PyBuffer_ToContiguous(given.copy.get(), &given.view, given.view.len, 'C');
  }
  if (!a.most.there || !data(k)) return;
  const auto* tokens = static_cast<const int64_t*>(data(k));
  const auto [least, most] = limits(a);
  for (int64_t j = 0; j < given.view.len / a.kind.size; ++j)
    if (tokens[j] < least || tokens[j] > most) check_limits(a, double(tokens[j]));
}

}  // namespace bindings
