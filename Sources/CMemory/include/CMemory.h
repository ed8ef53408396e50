#ifndef GRAPHRUN_CMEMORY_H
#define GRAPHRUN_CMEMORY_H

#include <stddef.h>
#include <stdint.h>

/// Makes malloc give large blocks back to the kernel as soon as they are freed.
void graphrun_tune_allocator(size_t mmap_threshold);

/// Gives back what free() kept; returns 1 if anything was released.
int graphrun_release_free_memory(void);

/// Asks for a cache line that is going to be written.
static inline void graphrun_prefetch(const void *address) { __builtin_prefetch(address, 1); }

/// Starts writing a range of a file to disk, without waiting. Does nothing where the system cannot.
void graphrun_start_writing(int file, int64_t offset, int64_t length);

/// Waits until a range of a file is on disk and drops it from the page cache.
void graphrun_write_and_forget(int file, int64_t offset, int64_t length);

/// The flag that opens a file for direct access, past the page cache; 0 where the system has none.
int graphrun_direct_flag(void);

/// Takes room on disk for a range of a file, which is as long then as the range needs. Returns 0, or -1 and sets errno.
int graphrun_reserve(int file, int64_t offset, int64_t length);

/// Gives a range of a file back to the file system; the file keeps its length. Returns 0, or -1 and sets errno.
int graphrun_punch_hole(int file, int64_t offset, int64_t length);

#endif
