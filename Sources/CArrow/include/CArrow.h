// What graphrun and Arrow C++ say to each other, in C.
//
// Tables go over as the Arrow C data interface has it. Arrow C++ takes 30 ms and 17 MB to load, so it is not linked: the
// functions below are in a library of their own, `libgraphrun-arrow.so` (Sources/ArrowParquet), which is loaded when a
// Parquet file is first met. No C++ exception leaves these functions, and bytes of files need not be trusted: whatever is
// wrong with them comes back as a result.
#ifndef GRAPHRUN_CARROW_H
#define GRAPHRUN_CARROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The Arrow C data interface: https://arrow.apache.org/docs/format/CDataInterface.html
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif

/// Of the function table below; a library of another version is not used.
enum { PQ_INTERFACE_VERSION = 2 };

typedef enum {
  PQ_DONE,
  PQ_END,        ///< there is no batch any more
  PQ_DAMAGED,    ///< the file's bytes are no Parquet
  PQ_NO_MEMORY,
  PQ_CALLBACK,   ///< a callback failed; who passed it knows why
} pq_result;

/// The library's words, cut where they are long.
typedef struct {
  char text[600];
} pq_message;

/// Reads `count` bytes at `offset` of a file; gives how many there were, or -1.
typedef int64_t (*pq_read)(void *context, int64_t offset, void *place, int64_t count);
/// Takes all of `count` bytes, behind those before; gives false where it cannot.
typedef bool (*pq_write)(void *context, const void *bytes, int64_t count);

typedef struct pq_file pq_file;
typedef struct pq_column pq_column;
typedef struct pq_writer pq_writer;

typedef struct {
  const char *created_by;
  const char *compression;  ///< "zstd", "snappy", "gzip" or "none"
  int64_t row_group_rows;
} pq_write_options;

typedef struct {
  int32_t version;
  const char *arrow_version;

  /// Reads the footer of a file of `size` bytes. `context` must last as long as the file.
  pq_result (*open)(void *context, pq_read read, int64_t size, pq_file **file, pq_message *message);
  void (*close)(pq_file *file);
  /// The columns, as children of one structure. The caller releases it.
  pq_result (*schema)(pq_file *file, struct ArrowSchema *schema, pq_message *message);
  int32_t (*row_group_count)(const pq_file *file);
  int64_t (*row_count)(const pq_file *file, int32_t row_group);
  /// Bytes that a column of the schema takes in memory, as far as the footer tells.
  int64_t (*decoded_bytes)(const pq_file *file, int32_t row_group, int32_t column);
  /// Begins to read one column of row groups that follow each other. The file must stay open.
  pq_result (*open_column)(pq_file *file, int32_t first_group, int32_t group_count, int32_t column, int64_t batch_rows,
                           pq_column **opened, pq_message *message);
  /// The next cells; the caller releases them.
  pq_result (*next_batch)(pq_column *column, struct ArrowArray *batch, pq_message *message);
  void (*close_column)(pq_column *column);

  /// Begins a file with the columns of `schema`, children of a structure, which it takes over. `context` must last as long
  /// as the writer.
  pq_result (*open_writer)(const pq_write_options *options, struct ArrowSchema *schema, void *context, pq_write write,
                           pq_writer **writer, pq_message *message);
  /// Writes records in row groups of their own. Takes over `table`, a structure with a child for each column.
  pq_result (*write)(pq_writer *writer, struct ArrowArray *table, pq_message *message);
  /// Writes the footer, behind all records.
  pq_result (*finish_writer)(pq_writer *writer, pq_message *message);
  /// Frees it; what was not finished may still be written to the callback, and is no whole file.
  void (*close_writer)(pq_writer *writer);
} pq_functions;

/// Loads the library at `path`; NULL and a message if it cannot be, or is of another version.
const pq_functions *graphrun_arrow_load(const char *path, pq_message *message);

#ifdef __cplusplus
}
#endif

#endif
