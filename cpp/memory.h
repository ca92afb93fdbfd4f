// Memory: that of a thread, a store of large blocks, and what happens where there is none.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lstm {

using std::int64_t;

// Throws std::bad_alloc in words that a user understands; Python makes a MemoryError of it.
[[noreturn]] void out_of_memory();

// Memory of the calling thread, for `count` floats, that lasts until the next call with the same
// slot: 0 to 4. Slot 3 holds left sides of products. Throws std::bad_alloc.
float* scratch(int slot, int64_t count);

// Let the calling thread have now what it needs to use scratch memory and to throw: where there is
// no memory for that, the system ends the process.
void prepare_thread();

// A store of large blocks. A training step needs the same arrays as the step before. The system
// would clear each page of them anew at its first use, which can cost more than the arithmetic: so
// blocks are kept, up to a limit.
struct Block {
  void* memory;      // aligned to a cache line at least
  std::size_t size;  // bytes
};

// A block of at least `size` bytes, or null where the system gives none. Not for several threads at
// once: the binding calls both with the GIL.
Block* take_block(std::size_t size);
void return_block(Block* block) noexcept;

}  // namespace lstm
