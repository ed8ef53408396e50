#define _GNU_SOURCE
#include "CMemory.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

void graphrun_tune_allocator(size_t mmap_threshold) {
#ifdef __GLIBC__
  // Setting a threshold by hand also stops glibc from raising it whenever a large block is freed.
  mallopt(M_MMAP_THRESHOLD, (int)mmap_threshold);
  mallopt(M_TRIM_THRESHOLD, (int)mmap_threshold);
  mallopt(M_MMAP_MAX, 1 << 20);
  mallopt(M_ARENA_MAX, 4);
#else
  (void)mmap_threshold;
#endif
}

int graphrun_release_free_memory(void) {
#ifdef __GLIBC__
  return malloc_trim(0);
#else
  return 0;
#endif
}

#include <errno.h>
#include <fcntl.h>

void graphrun_start_writing(int file, int64_t offset, int64_t length) {
#ifdef __linux__
  if (length > 0) sync_file_range(file, offset, length, SYNC_FILE_RANGE_WRITE);
#else
  (void)file, (void)offset, (void)length;
#endif
}

void graphrun_write_and_forget(int file, int64_t offset, int64_t length) {
#ifdef __linux__
  if (length <= 0) return;
  sync_file_range(file, offset, length,
                  SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  posix_fadvise(file, offset, length, POSIX_FADV_DONTNEED);
#else
  (void)file, (void)offset, (void)length;
#endif
}

int graphrun_direct_flag(void) {
#ifdef O_DIRECT
  return O_DIRECT;
#else
  return 0;
#endif
}

int graphrun_reserve(int file, int64_t offset, int64_t length) {
#ifdef __linux__
  int result;
  do {
    result = fallocate(file, 0, offset, length);
  } while (result != 0 && errno == EINTR);
  return result;
#else
  (void)file, (void)offset, (void)length;
  errno = EOPNOTSUPP;
  return -1;
#endif
}

int graphrun_punch_hole(int file, int64_t offset, int64_t length) {
#ifdef __linux__
  int result;
  do {
    result = fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  } while (result != 0 && errno == EINTR);
  return result;
#else
  (void)file, (void)offset, (void)length;
  errno = ENOTSUP;
  return -1;
#endif
}
