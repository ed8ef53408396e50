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
