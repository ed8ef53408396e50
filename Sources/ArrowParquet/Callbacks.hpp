// Files of Arrow's that are callbacks of ours, and how what goes wrong in C++ becomes a result in C.
#pragma once

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/status.h>
#include <parquet/exception.h>

#include <cstdio>
#include <new>

#include "../CArrow/include/CArrow.h"
#include "BlockPool.hpp"

namespace graphrun {

/// The detail of a status that a callback caused.
constexpr const char *callback_failed = "graphrun: callback failed";

inline pq_result failure(pq_message *message, pq_result result, const char *text) {
  std::snprintf(message->text, sizeof message->text, "%s", text);
  return result;
}

inline pq_result failure(pq_message *message, const arrow::Status &status) {
  const std::string text = status.message();
  if (text.find(callback_failed) != std::string::npos) return failure(message, PQ_CALLBACK, text.c_str());
  return failure(message, status.IsOutOfMemory() ? PQ_NO_MEMORY : PQ_DAMAGED, text.c_str());
}

/// Runs `body`, which gives a status; nothing that it throws leaves.
template <typename Body>
pq_result guarded(pq_message *message, Body body) noexcept {
  try {
    const arrow::Status status = body();
    return status.ok() ? PQ_DONE : failure(message, status);
  } catch (const parquet::ParquetStatusException &error) {
    return failure(message, error.status());
  } catch (const std::bad_alloc &) {
    return failure(message, PQ_NO_MEMORY, "there is no memory");
  } catch (const std::exception &error) {
    const std::string text = error.what();
    const bool is_callback = text.find(callback_failed) != std::string::npos;
    return failure(message, is_callback ? PQ_CALLBACK : PQ_DAMAGED, text.c_str());
  } catch (...) {
    return failure(message, PQ_DAMAGED, "an unknown exception");
  }
}

class CallbackFile final : public arrow::io::RandomAccessFile {
 public:
  CallbackFile(void *context, pq_read read, int64_t size) : context_(context), read_(read), size_(size) {}

  arrow::Result<int64_t> GetSize() override { return size_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t count, void *out) override {
    if (position < 0 || count < 0 || position > size_) return arrow::Status::IOError("a place outside the file");
    if (count > size_ - position) count = size_ - position;
    const int64_t got = read_(context_, position, out, count);
    if (got < 0) return arrow::Status::IOError(callback_failed);
    return got;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t count) override {
    if (position < 0 || count < 0 || position > size_) return arrow::Status::IOError("a place outside the file");
    // No more than there is: a damaged file asks for terabytes.
    if (count > size_ - position) count = size_ - position;
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(count, pool()));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position, count, buffer->mutable_data()));
    if (got < count) RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

  arrow::Result<int64_t> Read(int64_t count, void *out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position_, count, out));
    position_ += got;
    return got;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t count) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, count));
    position_ += buffer->size();
    return buffer;
  }

 private:
  void *const context_;
  const pq_read read_;
  const int64_t size_;
  int64_t position_ = 0;
  bool closed_ = false;
};

class CallbackSink final : public arrow::io::OutputStream {
 public:
  CallbackSink(void *context, pq_write write) : context_(context), write_(write) {}

  arrow::Status Write(const void *bytes, int64_t count) override {
    if (count > 0 && !write_(context_, bytes, count)) return arrow::Status::IOError(callback_failed);
    position_ += count;
    return arrow::Status::OK();
  }
  using arrow::io::OutputStream::Write;
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  void *const context_;
  const pq_write write_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace graphrun
