// A store of large blocks of memory.
//
// A training step needs the same arrays as the step before. The system would clear each page of
// them anew at its first use, which can cost more than the arithmetic: so blocks are kept, up to a
// limit.
#pragma once

#include <cstddef>

namespace lstm {

struct Block {
  void* memory;      // aligned to a cache line at least
  std::size_t size;  // bytes
};

// A block of at least `size` bytes, or null where the system gives none. Not for several threads at
// once: the binding calls both with the GIL.
Block* take_block(std::size_t size);
void return_block(Block* block) noexcept;

}  // namespace lstm
