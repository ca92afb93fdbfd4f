#include "memory.h"

#include <cstdint>
#include <exception>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace lstm {
namespace {

class OutOfMemory : public std::bad_alloc {
  const char* what() const noexcept override {
    return "the system gives no more memory for the work of a kernel";
  }
};

constexpr std::align_val_t line{64};  // of the cache

struct Buffer {
  float* p = nullptr;
  int64_t size = 0;
  ~Buffer() { ::operator delete(p, line); }
};
thread_local Buffer buffers[5];

constexpr std::size_t page = std::size_t(1) << 21;  // of the large kind, which few tables map
constexpr std::size_t kept_bytes = std::size_t(512) << 20;

// Blocks that nobody uses, the one that was returned last at the end.
std::vector<Block*> kept;
std::size_t kept_size = 0;

void release(Block* block) {
  ::operator delete(block->memory, std::align_val_t(page));
  delete block;
}

}  // namespace

void out_of_memory() { throw OutOfMemory(); }

float* scratch(int slot, int64_t count) {
  Buffer& buffer = buffers[slot];
  if (count > buffer.size) {
    ::operator delete(buffer.p, line);
    buffer.size = 0;
    // Throws by hand: the address sanitizer's own `new` ends the process.
    buffer.p = static_cast<float*>(::operator new(4 * count, line, std::nothrow));
    if (!buffer.p) out_of_memory();
    buffer.size = count;
  }
  return buffer.p;
}

void prepare_thread() {
  scratch(0, 1);
  (void)std::uncaught_exceptions();
}

Block* take_block(std::size_t size) {
  size = (size + page - 1) / page * page;
  // The smallest that fits, if it is not far too large.
  auto best = kept.end();
  for (auto k = kept.begin(); k != kept.end(); ++k)
    if ((*k)->size >= size && (*k)->size <= 2 * size &&
        (best == kept.end() || (*k)->size <= (*best)->size))
      best = k;
  if (best != kept.end()) {
    Block* block = *best;
    kept.erase(best);
    kept_size -= block->size;
    return block;
  }
  void* memory = ::operator new(size, std::align_val_t(page), std::nothrow);
  if (!memory) return nullptr;
  Block* block = new (std::nothrow) Block{memory, size};
  if (!block) {
    ::operator delete(memory, std::align_val_t(page));
    return nullptr;
  }
#if defined(__linux__)
  madvise(memory, size, MADV_HUGEPAGE);
#endif
  return block;
}

void return_block(Block* block) noexcept {
  try {
    kept.push_back(block);
  } catch (const std::bad_alloc&) {
    release(block);
    return;
  }
  kept_size += block->size;
  while (kept_size > kept_bytes) {
    Block* oldest = kept.front();
    kept.erase(kept.begin());
    kept_size -= oldest->size;
    release(oldest);
  }
}

}  // namespace lstm
