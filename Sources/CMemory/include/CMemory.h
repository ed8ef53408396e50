#ifndef GRAPHRUN_CMEMORY_H
#define GRAPHRUN_CMEMORY_H

#include <stddef.h>

/// Makes malloc give large blocks back to the kernel as soon as they are freed.
void graphrun_tune_allocator(size_t mmap_threshold);

/// Gives back what free() kept; returns 1 if anything was released.
int graphrun_release_free_memory(void);

#endif
