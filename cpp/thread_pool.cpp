#include "thread_pool.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace lstm {
namespace {

// How long a thread looks for work before it sleeps: about as long as the pauses between the
// parallel parts of one training step.
constexpr int spins = 4000;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Pool {
 public:
  // Starts fewer workers where the system gives no more: the results are the same.
  explicit Pool(int workers) : wanted_(workers + 1) {
    try {
      for (int k = 0; k < workers; ++k) threads_.emplace_back([this, k] { work(k + 1); });
    } catch (const std::exception&) {
    }
  }

  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  int wanted() const { return wanted_; }
  int size() const { return int(threads_.size()) + 1; }

  void run(std::int64_t count, void (*task)(void*, std::int64_t), void* context) {
    {
      std::lock_guard lock(mutex_);
      task_ = task;
      context_ = context;
      count_ = count;
      pending_.store(int(threads_.size()));
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    share(0);
    for (int k = 0; k < spins && pending_.load(std::memory_order_acquire) != 0; ++k) relax();
    // Where threads outnumber cores, a worker may need this core to finish.
    while (pending_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  }

 private:
  void share(int self) {
    for (std::int64_t k = self; k < count_; k += size()) task_(context_, k);
  }

  void work(int self) {
    std::uint64_t seen = 0;
    for (;;) {
      for (int k = 0; k < spins && generation_.load(std::memory_order_acquire) == seen; ++k)
        relax();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load() != seen; });
      }
      seen = generation_.load(std::memory_order_acquire);
      if (stopping_) return;
      share(self);
      pending_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  const int wanted_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> pending_{0};
  bool stopping_ = false;
  void (*task_)(void*, std::int64_t) = nullptr;
  void* context_ = nullptr;
  std::int64_t count_ = 0;
};

std::mutex in_use;
Pool* pool = nullptr;
std::atomic<int> wanted{0};

#if !defined(_WIN32)
// The threads of the parent do not exist in a child: forget them, and the lock they may have held.
void after_fork() {
  pool = nullptr;
  new (&in_use) std::mutex;
}
#endif

}  // namespace

int thread_count() {
  int count = wanted.load();
  if (count == 0) {
    count = int(std::thread::hardware_concurrency());
    wanted.store(count < 1 ? 1 : count);
  }
  return wanted.load();
}

void set_thread_count(int count) { wanted.store(count); }

void run_tasks(std::int64_t count, void (*task)(void*, std::int64_t), void* context) {
  std::unique_lock lock(in_use, std::try_to_lock);
  if (!lock.owns_lock()) {
    for (std::int64_t k = 0; k < count; ++k) task(context, k);
    return;
  }
  const int threads = thread_count();
  if (pool == nullptr || pool->wanted() != threads) {
#if !defined(_WIN32)
    static const int registered = pthread_atfork(nullptr, nullptr, after_fork);
    (void)registered;
#endif
    delete pool;
    pool = new Pool(threads - 1);
  }
  pool->run(count, task, context);
}

}  // namespace lstm
