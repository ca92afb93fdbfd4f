// The pool under the thread sanitizer: every task runs once, whoever calls and however many
// threads; where one finds no memory, the caller hears of it and the pool goes on.

#include "thread_pool.h"

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

// Plain numbers, not atomic ones: two threads at one of them is the race to be found.
void divide_once(std::int64_t total) {
  std::vector<int> visits(total);
  lstm::parallel(total, 4, 1e6, [&](auto begin, auto end) {
    for (auto k = begin; k < end; ++k) ++visits[k];
  });
  for (const int count : visits)
    if (count != 1) {
      std::fprintf(stderr, "a part of %lld items was visited %d times\n", (long long)total, count);
      std::exit(1);
    }
}

// As often as it takes for a worker to be held up between hearing of a job and its first task.
void divide_often() {
  for (int round = 0; round < 200; ++round)
    for (std::int64_t total = 0; total < 100; ++total) divide_once(total);
}

// Each member writes its own number in every step, and reads all others' of the step before.
void step_together(int steps) {
  std::vector<std::vector<int>> done(steps, std::vector<int>(8));
  lstm::together(8, [&](int member, int members, auto& barrier) {
    for (int step = 0; step < steps; ++step) {
      int before = 0;
      for (int k = 0; step && k < members; ++k) before += done[step - 1][k];
      if (step && before != members * step) {
        std::fprintf(stderr, "step %d of %d members began early\n", step, members);
        std::exit(1);
      }
      done[step][member] = step + 1;
      barrier.wait();
    }
  });
}

template <class Call>
void expect_out_of_memory(const char* where, Call call) {
  try {
    call();
  } catch (const std::bad_alloc&) {
    return;
  }
  std::fprintf(stderr, "%s: nobody heard that there was no memory\n", where);
  std::exit(1);
}

// One task, or one member of a team at one of its steps, finds no memory.
void starve() {
  for (std::int64_t unlucky = 0; unlucky < 100; unlucky += 9) {
    expect_out_of_memory("a task", [&] {
      lstm::parallel(100, 4, 1e6, [&](auto begin, auto end) {
        if (begin <= unlucky && unlucky < end) lstm::out_of_memory();
      });
    });
    expect_out_of_memory("a team", [&] {
      lstm::together(8, [&](int member, int members, auto& barrier) {
        for (int step = 0; step < 20; ++step) {
          if (member == unlucky % members && step == unlucky / 9) lstm::out_of_memory();
          barrier.wait();
        }
      });
    });
  }
}

}  // namespace

int main() {
  lstm::force_teams(true);
  for (const int count : {1, 2, 3, 8, 2}) {
    lstm::set_thread_count(count);
    divide_often();
    step_together(100);
    starve();
    divide_once(100);
    step_together(10);
  }
  std::vector<std::thread> callers;
  for (int k = 0; k < 4; ++k)
    callers.emplace_back([k] {
      divide_often();
      step_together(100);
      lstm::set_thread_count(k + 1);
      divide_often();
      step_together(100);
    });
  for (auto& caller : callers) caller.join();
}
