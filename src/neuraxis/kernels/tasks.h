// Tasks shared between the threads of XLA.

#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "xla/ffi/api/ffi.h"

// Run the tasks 0, …, count − 1 on this thread and on free threads of the pool; throw the last exception of any.
template <typename Task>
inline void ForEach(xla::ffi::ThreadPool& pool, std::int64_t count, const Task& task) {
  struct Progress {
    std::atomic<std::int64_t> begun{0};
    std::int64_t done = 0;
    std::exception_ptr error;
    std::mutex mutex;
    std::condition_variable all;
  };
  auto progress = std::make_shared<Progress>();  // outlives this call: a thread may start late, and find no task left
  auto work = [progress, count, &task] {
    std::int64_t mine = 0;
    std::exception_ptr error;
    for (std::int64_t index; (index = progress->begun++) < count; ++mine) {
      try {
        task(index);
      } catch (...) {  // no memory left; other threads still use what the caller holds
        error = std::current_exception();
      }
    }
    if (mine == 0) return;
    std::lock_guard<std::mutex> lock(progress->mutex);
    if (error) progress->error = error;
    if ((progress->done += mine) == count) progress->all.notify_all();
  };
  for (std::int64_t helper = 1; helper < std::min<std::int64_t>(pool.num_threads(), count); ++helper) {
    auto another = work;
    pool.Schedule(std::move(another));
  }
  work();
  std::unique_lock<std::mutex> lock(progress->mutex);
  progress->all.wait(lock, [&] { return progress->done == count; });
  if (progress->error) std::rethrow_exception(progress->error);
}
