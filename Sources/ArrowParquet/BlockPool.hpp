// Memory for pages and batches, which come and go thousands of times a second.
//
// malloc gives blocks of this size back to the kernel at once, as the process's bound asks for; taking each anew would cost
// more than decoding into it. So a few are kept, and while a file is open some more.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/status.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace graphrun {

class BlockPool final : public arrow::MemoryPool {
 public:
  using arrow::MemoryPool::Allocate;
  using arrow::MemoryPool::Free;
  using arrow::MemoryPool::Reallocate;

  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t **out) override {
    if (!is_kept(size, alignment)) return system_->Allocate(size, alignment, out);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      auto found = free_.find(rounded(size));
      if (found != free_.end() && !found->second.empty()) {
        *out = found->second.back();
        found->second.pop_back();
        kept_ -= found->first;
        return arrow::Status::OK();
      }
    }
    return system_->Allocate(rounded(size), alignment, out);
  }

  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment, uint8_t **block) override {
    const bool was_kept = is_kept(old_size, alignment);
    const bool is_kept_now = is_kept(new_size, alignment);
    if (!was_kept && !is_kept_now) return system_->Reallocate(old_size, new_size, alignment, block);
    if (was_kept && is_kept_now && rounded(old_size) == rounded(new_size)) return arrow::Status::OK();
    uint8_t *moved = nullptr;
    ARROW_RETURN_NOT_OK(Allocate(new_size, alignment, &moved));
    std::memcpy(moved, *block, static_cast<size_t>(std::min(old_size, new_size)));
    Free(*block, old_size, alignment);
    *block = moved;
    return arrow::Status::OK();
  }

  void Free(uint8_t *block, int64_t size, int64_t alignment) override {
    if (!is_kept(size, alignment)) return system_->Free(block, size, alignment);
    const int64_t whole = rounded(size);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (kept_ + whole <= (users_ > 0 ? most_kept : most_left)) {
        free_[whole].push_back(block);
        kept_ += whole;
        return;
      }
    }
    system_->Free(block, whole, alignment);
  }

  /// Between the first `enter` and the last `leave` more blocks are kept than else: the next file wants some again.
  void enter() {
    std::lock_guard<std::mutex> lock(mutex_);
    users_++;
  }

  void leave() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (--users_ > 0) return;
    // The largest go first.
    while (kept_ > most_left) {
      auto largest_kept = std::prev(free_.end());
      for (uint8_t *block : largest_kept->second) {
        system_->Free(block, largest_kept->first, arrow::kDefaultBufferAlignment);
        kept_ -= largest_kept->first;
      }
      free_.erase(largest_kept);
    }
  }

  int64_t bytes_allocated() const override { return system_->bytes_allocated(); }
  int64_t max_memory() const override { return system_->max_memory(); }
  int64_t total_bytes_allocated() const override { return system_->total_bytes_allocated(); }
  int64_t num_allocations() const override { return system_->num_allocations(); }
  std::string backend_name() const override { return "graphrun"; }

 private:
  /// Smaller ones malloc keeps itself; larger ones are rare.
  static constexpr int64_t smallest = 64 << 10;
  static constexpr int64_t largest = 4 << 20;
  /// Bytes of all blocks kept for later.
  static constexpr int64_t most_kept = 8 << 20;
  /// The same while no file is open.
  static constexpr int64_t most_left = 4 << 20;

  static bool is_kept(int64_t size, int64_t alignment) {
    return size > smallest && size <= largest && alignment == arrow::kDefaultBufferAlignment;
  }

  /// Up to a multiple of an eighth of the power of two below, so that sizes that differ little share blocks.
  static int64_t rounded(int64_t size) {
    int64_t step = smallest / 8;
    while (step * 16 < size) step *= 2;
    return (size + step - 1) / step * step;
  }

  // malloc's: what Arrow takes counts like all else in the process.
  arrow::MemoryPool *const system_ = arrow::system_memory_pool();
  std::mutex mutex_;
  /// By size.
  std::map<int64_t, std::vector<uint8_t *>> free_;
  int64_t kept_ = 0;
  int64_t users_ = 0;
};

/// Never destroyed: arrays that went out may live longer than the file they are from.
inline BlockPool *pool() {
  static auto *const shared = new BlockPool();
  return shared;
}

/// While one lives, the pool keeps blocks.
struct PoolUse {
  PoolUse() { pool()->enter(); }
  ~PoolUse() { pool()->leave(); }
  PoolUse(const PoolUse &) = delete;
  PoolUse &operator=(const PoolUse &) = delete;
};

}  // namespace graphrun
