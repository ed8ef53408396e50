#ifndef GRAPHRUN_ARROW_PARQUET_H
#define GRAPHRUN_ARROW_PARQUET_H

#include "../../CArrow/include/CArrow.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What this library can do; it is found by name. Only there where it was built with Arrow.
__attribute__((visibility("default"))) const pq_functions *graphrun_arrow_functions(void);

#ifdef __cplusplus
}
#endif

#endif
