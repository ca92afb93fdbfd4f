// A small persistent pool of threads.
//
// Threads are started at the first parallel call and wait between calls. A call made while another
// is running, from a second Python thread, runs serially; so does everything in a child after fork
// until its own pool starts. Where the system gives fewer threads, there are fewer. Results never
// depend on their number: callers divide outputs among tasks, never sums. What `parallel` and
// `together` are given may throw std::bad_alloc, and they do so when all tasks have ended.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <new>

#include "memory.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace lstm {

using std::int64_t;

// Denormal numbers cost a hundred times as much as others and mean nothing here: they count as zero
// while a guard lives, and the caller's setting comes back after it. Always inline, like all that
// is compiled for several instruction sets: the linker would keep one copy for all of them.
class DenormalsFlushed {
 public:
#if defined(__SSE__)
  __attribute__((always_inline)) DenormalsFlushed() : before_(_mm_getcsr()) {
    _mm_setcsr(before_ | 0x8040);
  }
  __attribute__((always_inline)) ~DenormalsFlushed() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#elif defined(__aarch64__)
  __attribute__((always_inline)) DenormalsFlushed() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before_));
    __asm__ volatile("msr fpcr, %0" : : "r"(before_ | 1 << 24));
  }
  __attribute__((always_inline)) ~DenormalsFlushed() {
    __asm__ volatile("msr fpcr, %0" : : "r"(before_));
  }

 private:
  std::uint64_t before_;
#else
  DenormalsFlushed() {}
#endif
};

int thread_count();
void set_thread_count(int count);  // at least 1
int team_size();                   // the number of threads, but at most that of cores

// What several threads do: calls a body that outlives it with an index. It must not throw: others
// would go on with what is gone.
struct Task {
  const void* body;
  void (*call)(const void* body, int64_t index) noexcept;

  void operator()(int64_t index) const { call(body, index); }
};
template <class Body>
Task task_of(const Body& body) {
  return {&body, [](const void* p, int64_t index) noexcept {
            const DenormalsFlushed guard;
            (*static_cast<const Body*>(p))(index);
          }};
}

// Do a task for every index in [0, count), on several threads, and wait for all.
void run_tasks(int64_t count, Task task);

// Where the members of a team wait for each other. A wait is short: it spins.
class Barrier {
 public:
  explicit Barrier(int members) : members_(members) {}
  void wait();  // throws std::bad_alloc where a member has given up
  // Before the team: some members have to be woken, so that the first wait says nothing.
  void gather() { gathering_ = true; }
  // For a member that found no memory and will not come any more.
  void give_up() { given_up_.store(true, std::memory_order_relaxed); }
  bool given_up() const { return given_up_.load(std::memory_order_relaxed); }
  // Whether much of the time went into long waits, because other programs want the cores; the same
  // for all members between two waits.
  bool kept_waiting() const { return kept_waiting_; }

 private:
  using Clock = std::chrono::steady_clock;

  const int members_;
  Clock::time_point begin_ = Clock::now();  // written by the last to arrive
  std::atomic<int> arrived_{0};
  std::atomic<Clock::rep> waited_{0};  // by all members together
  std::atomic<unsigned> round_{0};
  std::atomic<bool> given_up_{false};
  bool kept_waiting_ = false;  // written by the last to arrive
  bool gathering_ = false;     // by the last to arrive, too
};

// Whether a thread of the pool has been waited for of late, because other programs want the cores.
bool cores_are_busy();

// Do a task for every member in [0, size) at once, each on a thread of its own; the members may
// wait for each other at the barrier. Returns false, and does nothing, where the pool is in use or
// has not so many threads, or where the cores are busy.
bool run_team(int size, Barrier& barrier, Task task);

// For tests: as many threads as are set, however busy the cores are, in teams that are kept waiting
// from so many waits on, never where that is 0; and how many teams there have been.
void force_teams(bool force, int waits = 0);
int64_t teams_so_far();

// The part [begin, end) of `total` items, in units of `grain`, that task `index` of `count` owns.
struct Part {
  int64_t begin, end;
};
__attribute__((always_inline)) inline Part part_of(int64_t total, int64_t grain, int64_t index,
                                                   int64_t count) {
  const int64_t units = (total + grain - 1) / grain;
  const int64_t begin = units * index / count * grain;
  const int64_t end = units * (index + 1) / count * grain;
  return {begin < total ? begin : total, end < total ? end : total};
}

// Floating-point operations that are worth a thread; and so few that it is not worth it to wait for
// one where other programs want its core.
constexpr double worth_a_thread = 1e5, short_work = 1e8;

// Divide `total` items among the threads; each calls body(begin, end) once, with denormals flushed.
// There are as many threads as the work of `total * cost` floating-point operations is worth.
template <class Body>
void parallel(int64_t total, int64_t grain, double cost, Body body) {
  const int64_t units = (total + grain - 1) / grain;
  const double work = double(total) * cost;
  int64_t tasks = thread_count() < units ? thread_count() : units;
  if (work < tasks * worth_a_thread) tasks = int64_t(work / worth_a_thread);
  if (tasks > 1 && work < short_work && cores_are_busy()) tasks = 1;
  if (tasks <= 1) {
    const DenormalsFlushed guard;
    if (total > 0) body(int64_t(0), total);
    return;
  }
  std::atomic<bool> starved{false};
  run_tasks(tasks, task_of([&](int64_t index) {
              const Part part = part_of(total, grain, index, tasks);
              try {
                if (part.begin < part.end) body(part.begin, part.end);
              } catch (const std::bad_alloc&) {
                starved.store(true, std::memory_order_relaxed);
              }
            }));
  if (starved.load(std::memory_order_relaxed)) out_of_memory();
}

// The same with each(k) for every k in [0, total).
template <class Each>
void parallel_each(int64_t total, double cost, Each each) {
  parallel(total, 1, cost, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) each(k);
  });
}

// Work in many short steps that follow on each other: body(member, size, barrier) on as many
// threads as there are cores for, up to `most`; alone where there is one.
template <class Body>
void together(int64_t most, Body body) {
  const int size = int(most < team_size() ? most : team_size());
  Barrier barrier(size);
  const auto member = [&](int64_t index) {
    try {
      body(int(index), size, barrier);
    } catch (const std::bad_alloc&) {
      barrier.give_up();
    }
  };
  if (size > 1 && run_team(size, barrier, task_of(member))) {
    if (barrier.given_up()) out_of_memory();
    return;
  }
  const DenormalsFlushed guard;
  Barrier alone(1);
  body(0, 1, alone);
}

}  // namespace lstm
