#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/activity.hpp"
#include "base/loop.hpp"
#include "base/metrics.hpp"

namespace quarterdeck {
namespace {

// git and search may take long on a cold disk; a job that takes longer than this is stuck.
constexpr std::int64_t kStallMs = 60'000;

metrics::Family<metrics::Histogram> waits("quarterdeck_pool_wait_seconds", "Time that work waited for a pool thread");
metrics::Family<metrics::Histogram> runs("quarterdeck_pool_job_seconds", "Time that work took on a pool thread");

class ThreadPool final : public BlockingPool {
 public:
  explicit ThreadPool(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) workers_.emplace_back([this] { work(); });
  }

  ~ThreadPool() override {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    ready_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  void submit(std::move_only_function<void()> job) override {
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back({std::move(job), Activity::now_ns()});
    }
    ready_.notify_one();
  }

 private:
  struct Job {
    std::move_only_function<void()> run;
    std::int64_t submitted_ns = 0;
  };

  void work() {
    Activity activity("pool", kStallMs);
    metrics::Histogram& waited = waits.with();
    metrics::Histogram& ran = runs.with();
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      const std::int64_t started_ns = Activity::now_ns();
      waited.observe_ns(started_ns - job.submitted_ns);
      activity.begin("job", started_ns);
      job.run();
      job.run = nullptr;
      activity.end();
      ran.observe_ns(Activity::now_ns() - started_ns);
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> jobs_;
  bool closing_ = false;
  metrics::Gauge queued_{"quarterdeck_pool_queued", "Work that waits for a pool thread", [this] {
                           const std::lock_guard lock(mutex_);
                           return static_cast<double>(jobs_.size());
                         }};
  std::vector<std::thread> workers_;
};

}  // namespace

std::unique_ptr<BlockingPool> make_blocking_pool(unsigned threads) { return std::make_unique<ThreadPool>(threads); }

}  // namespace quarterdeck
