#include "thread_pool.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace lstm {
namespace {

// How long a thread without work looks for some before it sleeps, about as long as the pauses
// between the parallel parts of one training step, and how often it lets others have its core
// meanwhile; and how long one that waits for others looks before it gives its core to whoever else
// wants it, perhaps to those it waits for.
constexpr int idle_spins = 20000, spins_between_yields = 500;
constexpr int waiting_spins = 2000;

// A wait as long as no wait is where each thread has a core.
using Clock = std::chrono::steady_clock;
constexpr Clock::duration long_wait = std::chrono::microseconds(300);

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether other programs want the cores. A thread that was waited for long says so; then nobody
// waits again for some time, for twice as long each time it happens again soon, up to a limit.
class Cores {
 public:
  bool busy() const { return Clock::now().time_since_epoch().count() < resting_until_; }

  // Under the lock of the pool.
  void kept_waiting() {
    const auto now = Clock::now();
    rest_ = now.time_since_epoch().count() < resting_until_ + soon * rest_.count()
                ? std::min(2 * rest_, longest_rest)
                : shortest_rest;
    resting_until_ = (now + rest_).time_since_epoch().count();
  }

 private:
  static constexpr int soon = 10;  // rests
  static constexpr Clock::duration shortest_rest = std::chrono::milliseconds(10);
  static constexpr Clock::duration longest_rest = std::chrono::seconds(1);

  std::atomic<Clock::rep> resting_until_{0};
  Clock::duration rest_ = shortest_rest;
};

struct Job {
  Task task{};
  int64_t count = 0;
  std::uint32_t generation = 0;
};

class Pool {
 public:
  // Starts fewer workers where the system gives no more: the results are the same.
  explicit Pool(int workers) : wanted_(workers + 1) {
    try {
      for (int k = 0; k < workers && room_for_a_thread(); ++k) {
        threads_.emplace_back([this] { work(); });
        while (prepared_.load(std::memory_order_acquire) <= k) std::this_thread::yield();
      }
    } catch (const std::exception&) {
    }
  }

  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      signal_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  int wanted() const { return wanted_; }
  int size() const { return int(threads_.size()) + 1; }

  // Whether a worker has to be woken for the next job. That takes long where no program wants its
  // core, which sleeps, too: up to a millisecond in a virtual machine.
  bool asleep() const { return sleepers_.load(std::memory_order_relaxed) != 0; }

  // Waits for the tasks, not for the workers: one that another program keeps from its core is not
  // missed, the caller does its task. Returns whether it was kept from its own work, by waking
  // others or by waiting for them, for longer than that took.
  bool run(int64_t count, Task task) {
    const auto begin = Clock::now();
    Job job;
    {
      std::lock_guard lock(mutex_);
      job = job_ = {task, count, job_.generation + 1};
      done_.store(0, std::memory_order_relaxed);
      claims_.store(std::uint64_t(job.generation) << 32, std::memory_order_release);
      signal_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    const auto woken = Clock::now();
    share(job);
    const auto shared = Clock::now();
    const auto unfinished = [&] { return done_.load(std::memory_order_acquire) != count; };
    for (int k = 0; k < waiting_spins && unfinished(); ++k) relax();
    // Where threads outnumber cores, a worker may need this core to finish.
    while (unfinished()) std::this_thread::yield();
    const auto lost = (woken - begin) + (Clock::now() - shared);
    return lost > long_wait && lost > shared - woken;
  }

 private:
  // Do tasks of a job until none is left to claim. A worker that comes late finds the claims of
  // another job and touches nothing.
  void share(const Job& job) {
    std::uint64_t claim = claims_.load(std::memory_order_acquire);
    while (claim >> 32 == job.generation && int64_t(claim & 0xffffffff) < job.count) {
      if (!claims_.compare_exchange_weak(claim, claim + 1, std::memory_order_acq_rel)) continue;
      job.task(int64_t(claim & 0xffffffff));
      done_.fetch_add(1, std::memory_order_acq_rel);
      claim = claims_.load(std::memory_order_acquire);
    }
  }

  // Whether there is memory for what a thread needs before it can report that there is none.
  static bool room_for_a_thread() {
    const std::unique_ptr<char[]> room(new (std::nothrow) char[1 << 16]);
    return room != nullptr;
  }

  void work() {
    prepare_thread();
    prepared_.fetch_add(1, std::memory_order_release);
    std::uint64_t seen = 0;
    for (;;) {
      for (int k = 1; k < idle_spins && signal_.load(std::memory_order_acquire) == seen; ++k)
        k % spins_between_yields ? relax() : std::this_thread::yield();
      Job job;
      {
        std::unique_lock lock(mutex_);
        sleepers_.fetch_add(1, std::memory_order_relaxed);
        wake_.wait(lock, [&] { return signal_.load(std::memory_order_relaxed) != seen; });
        sleepers_.fetch_sub(1, std::memory_order_relaxed);
        seen = signal_.load(std::memory_order_relaxed);
        if (stopping_) return;
        job = job_;
      }
      share(job);
    }
  }

  const int wanted_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;                // under mutex_
  Job job_;                              // under mutex_
  std::atomic<std::uint64_t> signal_{0};  // changes with every job, and at the end
  std::atomic<std::uint64_t> claims_{0};  // generation of the job << 32 | tasks claimed
  std::atomic<int64_t> done_{0};    // tasks finished
  std::atomic<int> prepared_{0};         // workers that have begun
  std::atomic<int> sleepers_{0};         // workers that wait for a signal, and no longer look
};

std::mutex in_use;
Pool* pool = nullptr;
Cores all_cores;
std::atomic<int> wanted{0};  // 0: as many as there are cores
std::atomic<bool> forced{false};
std::atomic<int> forced_waits{0};
std::atomic<int64_t> teams{0};

#if !defined(_WIN32)
// The threads of the parent do not exist in a child: forget them, and the lock they may have held.
void after_fork() {
  pool = nullptr;
  new (&in_use) std::mutex;
}
#endif

// Under the lock. Null where there is no memory for a pool, or where its threads could not be
// forgotten in a child.
Pool* ready_pool() {
  const int threads = thread_count();
  if (pool == nullptr || pool->wanted() != threads) {
#if !defined(_WIN32)
    static const bool registered = pthread_atfork(nullptr, nullptr, after_fork) == 0;
    if (!registered) return nullptr;
#endif
    delete std::exchange(pool, nullptr);
    pool = new (std::nothrow) Pool(threads - 1);
  }
  return pool;
}

int cores() {
  static const int count = std::max(1, int(std::thread::hardware_concurrency()));
  return count;
}

}  // namespace

int thread_count() {
  const int count = wanted.load();
  return count ? count : cores();
}

void set_thread_count(int count) { wanted.store(count); }

void force_teams(bool force, int waits) {
  forced = force;
  forced_waits = waits;
}

int64_t teams_so_far() { return teams; }

int team_size() { return forced ? thread_count() : std::min(thread_count(), cores()); }

void Barrier::wait() {
  const unsigned round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    if (gathering_) waited_.store(0, std::memory_order_relaxed), begin_ = Clock::now();
    gathering_ = false;
    const Clock::duration waited(waited_.load(std::memory_order_relaxed));
    const int most = forced_waits;
    kept_waiting_ = forced ? most && int(round) + 1 >= most
                           : waited > long_wait && 4 * waited > Clock::now() - begin_;
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  const auto waiting = [&] { return round_.load(std::memory_order_acquire) == round; };
  for (int k = 0; k < waiting_spins && waiting(); ++k) relax();
  for (auto last = Clock::now(); waiting();) {
    if (given_up()) out_of_memory();
    std::this_thread::yield();
    const auto now = Clock::now();
    waited_.fetch_add((now - last).count(), std::memory_order_relaxed);
    last = now;
  }
}

void run_tasks(int64_t count, Task task) {
  std::unique_lock lock(in_use, std::try_to_lock);
  Pool* const ready = lock.owns_lock() ? ready_pool() : nullptr;
  if (!ready) {
    for (int64_t k = 0; k < count; ++k) task(k);
    return;
  }
  const bool woken = ready->asleep();
  if (ready->run(count, task) && !woken) all_cores.kept_waiting();
}

bool cores_are_busy() { return !forced && all_cores.busy(); }

bool run_team(int size, Barrier& barrier, Task task) {
  std::unique_lock lock(in_use, std::try_to_lock);
  if (!lock.owns_lock()) return false;
  // Once only: the number of threads may change meanwhile.
  Pool* const team = ready_pool();
  if (!team || team->size() < size || cores_are_busy()) return false;
  if (team->asleep()) barrier.gather();
  // Each member keeps its thread until all have come, so that none does the task of another.
  team->run(size, task);
  teams.fetch_add(1);
  if (barrier.kept_waiting()) all_cores.kept_waiting();
  return true;
}

}  // namespace lstm
