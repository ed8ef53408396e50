#include "ArrowParquet.h"

// Swift's linker adds code to every library that makes its Swift types known to the runtime, and names these two. Here are
// no such types. With the two here, and -static-stdlib, nothing of the runtime is linked or loaded beside the program's own.
extern "C" {
__attribute__((weak, visibility("hidden"))) void swift_addNewDSOImage(const void *) {}
__attribute__((weak, visibility("hidden"))) char *_swift_backtrace_isThunkFunction(const char *) { return nullptr; }
}

#ifdef GRAPHRUN_PARQUET

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/util/config.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>
#include <parquet/size_statistics.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "Callbacks.hpp"

using graphrun::guarded;

struct pq_file {
  /// First, so that it goes last.
  graphrun::PoolUse pool_use;
  std::shared_ptr<graphrun::CallbackFile> source;
  std::unique_ptr<parquet::arrow::FileReader> reader;
  std::shared_ptr<parquet::FileMetaData> metadata;
  std::shared_ptr<arrow::Schema> schema;
  /// Of each column of the schema, the columns of the file it is made of.
  std::vector<std::vector<int>> leaves;
};

struct pq_column {
  std::unique_ptr<arrow::RecordBatchReader> batches;
};

struct pq_writer {
  /// First, so that it goes last.
  graphrun::PoolUse pool_use;
  std::shared_ptr<graphrun::CallbackSink> sink;
  std::shared_ptr<arrow::Schema> schema;
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  int64_t row_group_rows;
};

namespace {

/// Bytes read at a time from the chunk of a column, however large it is.
constexpr int64_t read_window = 256 << 10;

void collect(const parquet::arrow::SchemaField &field, std::vector<int> &leaves) {
  if (field.is_leaf()) leaves.push_back(field.column_index);
  for (const auto &child : field.children) collect(child, leaves);
}

pq_result open_file(void *context, pq_read read, int64_t size, pq_file **opened, pq_message *message) {
  return guarded(message, [&]() -> arrow::Status {
    auto file = std::make_unique<pq_file>();
    file->source = std::make_shared<graphrun::CallbackFile>(context, read, size);
    parquet::ReaderProperties properties(graphrun::pool());
    properties.enable_buffered_stream();
    properties.set_buffer_size(read_window);
    properties.set_page_checksum_verification(true);
    parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
    arrow_properties.set_pre_buffer(false);
    arrow_properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    arrow_properties.set_arrow_extensions_enabled(false);
    auto parquet_reader = parquet::ParquetFileReader::Open(file->source, properties);
    ARROW_ASSIGN_OR_RAISE(
        file->reader,
        parquet::arrow::FileReader::Make(graphrun::pool(), std::move(parquet_reader), arrow_properties));
    file->metadata = file->reader->parquet_reader()->metadata();
    RETURN_NOT_OK(file->reader->GetSchema(&file->schema));
    for (const auto &field : file->reader->manifest().schema_fields) collect(field, file->leaves.emplace_back());
    if (file->leaves.size() != static_cast<size_t>(file->schema->num_fields())) {
      return arrow::Status::Invalid("the schema has fields without columns");
    }
    // Everything below is read without asking again.
    for (int group = 0; group < file->metadata->num_row_groups(); group++) {
      auto row_group = file->metadata->RowGroup(group);
      if (row_group->num_rows() < 0 || row_group->num_columns() != file->metadata->num_columns()) {
        return arrow::Status::Invalid("row group ", group, " has impossible sizes");
      }
    }
    *opened = file.release();
    return arrow::Status::OK();
  });
}

void close_file(pq_file *file) { delete file; }

pq_result file_schema(pq_file *file, struct ArrowSchema *schema, pq_message *message) {
  return guarded(message, [&] { return arrow::ExportSchema(*file->schema, schema); });
}

int32_t row_group_count(const pq_file *file) { return file->metadata->num_row_groups(); }

int64_t row_count(const pq_file *file, int32_t row_group) {
  pq_message ignored;
  int64_t rows = 0;
  guarded(&ignored, [&] {
    rows = file->metadata->RowGroup(row_group)->num_rows();
    return arrow::Status::OK();
  });
  return rows;
}

int64_t leaf_bytes(const parquet::ColumnDescriptor &column, const parquet::ColumnChunkMetaData &chunk) {
  // A quarter more for nulls' cells and offsets.
  const int64_t encoded = std::max<int64_t>(chunk.total_uncompressed_size(), 0);
  const int64_t values = std::max<int64_t>(chunk.num_values(), 0);
  switch (column.physical_type()) {
    case parquet::Type::BOOLEAN: return values / 4;
    case parquet::Type::INT32:
    case parquet::Type::FLOAT: return values * 4 + values / 8;
    case parquet::Type::INT64:
    case parquet::Type::DOUBLE:
    case parquet::Type::INT96: return values * 8 + values / 8;
    default: break;
  }
  const auto sizes = chunk.size_statistics();
  if (sizes && sizes->unencoded_byte_array_data_bytes) {
    return std::max<int64_t>(*sizes->unencoded_byte_array_data_bytes, 0) + values * 4 + values / 8;
  }
  const auto &encodings = chunk.encodings();
  const bool has_dictionary = chunk.has_dictionary_page() ||
      std::find(encodings.begin(), encodings.end(), parquet::Encoding::RLE_DICTIONARY) != encodings.end();
  return std::max(encoded, has_dictionary ? values * 16 : 0) + values * 4 + values / 8;
}

int64_t decoded_bytes(const pq_file *file, int32_t row_group, int32_t column) {
  pq_message ignored;
  int64_t total = 0;
  guarded(&ignored, [&] {
    auto group = file->metadata->RowGroup(row_group);
    for (const int leaf : file->leaves[column]) {
      const auto *descriptor = file->metadata->schema()->Column(leaf);
      auto chunk = group->ColumnChunk(leaf);
      total += leaf_bytes(*descriptor, *chunk);
      // Offsets of the lists around the values, at worst as many as there are values.
      total += descriptor->max_repetition_level() * std::max<int64_t>(chunk->num_values(), 0) * 4;
    }
    return arrow::Status::OK();
  });
  return total;
}

pq_result open_column(pq_file *file, int32_t first_group, int32_t group_count, int32_t column, int64_t batch_rows,
                      pq_column **opened, pq_message *message) {
  return guarded(message, [&]() -> arrow::Status {
    std::vector<int> groups(group_count);
    for (int32_t index = 0; index < group_count; index++) groups[index] = first_group + index;
    auto result = std::make_unique<pq_column>();
    file->reader->set_batch_size(batch_rows);
    ARROW_ASSIGN_OR_RAISE(result->batches, file->reader->GetRecordBatchReader(groups, file->leaves[column]));
    if (result->batches->schema()->num_fields() != 1) return arrow::Status::Invalid("the column cannot be read alone");
    *opened = result.release();
    return arrow::Status::OK();
  });
}

pq_result next_batch(pq_column *column, struct ArrowArray *array, pq_message *message) {
  bool is_end = false;
  const pq_result result = guarded(message, [&]() -> arrow::Status {
    std::shared_ptr<arrow::RecordBatch> batch;
    RETURN_NOT_OK(column->batches->ReadNext(&batch));
    is_end = batch == nullptr;
    if (is_end) return arrow::Status::OK();
    const auto cells = batch->column(0);
    RETURN_NOT_OK(cells->Validate());
    return arrow::ExportArray(*cells, array);
  });
  return result == PQ_DONE && is_end ? PQ_END : result;
}

void close_column(pq_column *column) { delete column; }

arrow::Compression::type codec(const std::string &name) {
  if (name == "zstd") return arrow::Compression::ZSTD;
  if (name == "snappy") return arrow::Compression::SNAPPY;
  if (name == "gzip") return arrow::Compression::GZIP;
  return arrow::Compression::UNCOMPRESSED;
}

pq_result open_writer(const pq_write_options *options, struct ArrowSchema *schema, void *context, pq_write write,
                      pq_writer **opened, pq_message *message) {
  const pq_result result = guarded(message, [&]() -> arrow::Status {
    auto made = std::make_unique<pq_writer>();
    ARROW_ASSIGN_OR_RAISE(made->schema, arrow::ImportSchema(schema));
    auto properties = parquet::WriterProperties::Builder()
                          .memory_pool(graphrun::pool())
                          ->created_by(options->created_by)
                          ->compression(codec(options->compression))
                          ->version(parquet::ParquetVersion::PARQUET_2_6)
                          ->data_page_version(parquet::ParquetDataPageVersion::V1)
                          ->enable_statistics()
                          ->enable_page_checksum()
                          ->max_row_group_length(options->row_group_rows)
                          ->build();
    auto arrow_properties = parquet::ArrowWriterProperties::Builder().set_use_threads(false)->build();
    made->sink = std::make_shared<graphrun::CallbackSink>(context, write);
    made->row_group_rows = options->row_group_rows;
    ARROW_ASSIGN_OR_RAISE(
        made->writer, parquet::arrow::FileWriter::Open(*made->schema, graphrun::pool(), made->sink, properties,
                                                       arrow_properties));
    *opened = made.release();
    return arrow::Status::OK();
  });
  // Where the import failed.
  if (schema->release) schema->release(schema);
  return result;
}

pq_result write_table(pq_writer *writer, struct ArrowArray *array, pq_message *message) {
  const pq_result result = guarded(message, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto batch, arrow::ImportRecordBatch(array, writer->schema));
    ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches({batch}));
    return writer->writer->WriteTable(*table, writer->row_group_rows);
  });
  // Where the import failed.
  if (array->release) array->release(array);
  return result;
}

pq_result finish_writer(pq_writer *writer, pq_message *message) {
  return guarded(message, [&] { return writer->writer->Close(); });
}

void close_writer(pq_writer *writer) {
  pq_message ignored;
  guarded(&ignored, [&] {
    delete writer;
    return arrow::Status::OK();
  });
}

const pq_functions functions = {
    .version = PQ_INTERFACE_VERSION,
    .arrow_version = ARROW_VERSION_STRING,
    .open = open_file,
    .close = close_file,
    .schema = file_schema,
    .row_group_count = row_group_count,
    .row_count = row_count,
    .decoded_bytes = decoded_bytes,
    .open_column = open_column,
    .next_batch = next_batch,
    .close_column = close_column,
    .open_writer = open_writer,
    .write = write_table,
    .finish_writer = finish_writer,
    .close_writer = close_writer,
};

}  // namespace

const pq_functions *graphrun_arrow_functions(void) { return &functions; }

#endif
