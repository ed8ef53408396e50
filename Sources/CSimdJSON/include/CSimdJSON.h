// A C face of simdjson's on-demand parser for the reading operations.
//
// One call gives one record: the wanted fields as views. Views into the record stay valid until the next call
// on the same reader. No C++ exception leaves these functions, and bytes need not be trusted: whatever is wrong
// with them comes back as a result.
//
// On-demand parsing checks UTF-8 and quotes over the whole text at the start, and the grammar only where it walks;
// a text that ends early is noticed at its end at the latest.
#ifndef C_SIMD_JSON_H
#define C_SIMD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Readable bytes that must follow every text handed over; their content does not matter to lines, and must be
/// zero after a whole document.
enum { SJ_PADDING = 64 };

typedef struct sj_reader sj_reader;

/// Bytes of a string, not terminated; `bytes` is NULL where the string is absent or null.
typedef struct {
  const uint8_t *bytes;
  size_t count;
} sj_text;

typedef enum {
  SJ_RECORD,  ///< a record is there; look at its `problem`
  SJ_END,     ///< no record any more, and the text is complete
  SJ_BROKEN,  ///< the text is no JSON from here on; see `sj_failure_of`
} sj_result;

typedef enum {
  SJ_FINE,
  SJ_MISSING,     ///< `field` is not there
  SJ_WRONG_TYPE,  ///< `field` is `found` and not what it should be
  SJ_BAD_STRING,  ///< `field` holds an escape that is none
} sj_problem;

typedef enum {
  SJ_INVALID_UTF8,
  SJ_CUT_OFF,  ///< ends before it is complete
  SJ_BAD_GRAMMAR,
  SJ_TOO_DEEP,
  SJ_TOO_LARGE,
  SJ_NO_MEMORY,
  SJ_NOT_AN_OBJECT,
} sj_failure_kind;

typedef struct {
  sj_failure_kind kind;
  const char *message;  ///< the library's words, a constant
  size_t offset;        ///< near where it was noticed, in bytes from the start; 0 if unknown
} sj_failure;

/// What to look for in a paper; the rest is skipped unread.
enum {
  SJ_ABSTRACT = 1,
  SJ_TITLE = 2,
  SJ_AUTHORS = 4,
  SJ_JOURNAL = 8,
  SJ_CATEGORIES = 16,
};

/// One paper of arXiv metadata.
typedef struct {
  sj_text id;  ///< as it stands in the text where its escapes are wrong
  sj_text abstract;
  sj_text title;
  sj_text journal;
  /// Snapshot layout only: the codes, separated by spaces.
  sj_text codes;
  /// "Forenames Keyname", in the paper's order.
  const sj_text *authors;
  size_t author_count;
  /// Keyed layout only, in the paper's order, as often as they stand there.
  const sj_text *main_categories;
  const sj_text *sub_categories;
  size_t category_count;
  sj_problem problem;
  const char *field;
  const char *found;
  /// Where the record's value begins, in bytes from the start of the text.
  size_t offset;
} sj_paper;

typedef enum {
  SJ_NULL,
  SJ_BOOL,
  SJ_INTEGER,
  SJ_BIG_INTEGER,  ///< a whole number beyond int64_t
  SJ_NUMBER,
  SJ_STRING,
  SJ_STRINGS,
  SJ_OTHER,
} sj_kind;

typedef struct {
  sj_text name;
  sj_kind kind;
  const char *found;  ///< what it is, in words
  int64_t integer;    ///< also a boolean's 0 or 1
  double number;
  sj_text text;
  const sj_text *items;
  size_t item_count;
} sj_field;

typedef struct {
  const sj_field *fields;
  size_t field_count;
} sj_fields;

/// NULL if there is no memory.
sj_reader *sj_reader_new(void);
void sj_reader_free(sj_reader *reader);

/// What the last SJ_BROKEN was about.
sj_failure sj_failure_of(const sj_reader *reader);

/// Begins a document that is an object of papers keyed by id.
/// `count` bytes must be followed by SJ_PADDING zero bytes; all must stay until the reader has given SJ_END.
/// Gives SJ_RECORD if there is something to walk (perhaps nothing but an end).
sj_result sj_keyed_begin(sj_reader *reader, const uint8_t *json, size_t count, uint32_t wanted);
sj_result sj_keyed_next(sj_reader *reader, sj_paper *paper);

/// Reads one paper from one line of the snapshot layout.
sj_result sj_line_paper(sj_reader *reader, const uint8_t *line, size_t count, uint32_t wanted, sj_paper *paper);

/// Reads all fields of one line that holds an object.
sj_result sj_line_fields(sj_reader *reader, const uint8_t *line, size_t count, sj_fields *fields);

/// Where a block of an object of records may begin. Offsets count from the file's first byte.
typedef struct {
  uint64_t start;      ///< of a record: where its key's opening quote stands
  uint64_t separator;  ///< behind the value before: of the comma; behind the opening brace, where there is none
  uint64_t last_start, last_separator;   ///< the same of the record before; 0, 0 where there is none
  uint64_t largest_start, largest_stop;  ///< the largest record of those between this border and the one before
} sj_border;

/// A walk through an object of records, from the file's first byte on: brackets, strings and nothing else, so that it
/// works on text that no parser takes. All zero at the beginning, but for `cuts`.
typedef struct {
  uint64_t offset;  ///< bytes walked
  uint64_t depth;
  uint64_t in_string;   ///< all bits set inside a string
  uint64_t is_escaped;  ///< whether the next byte is
  bool awaits_key;      ///< behind the opening brace, or a comma behind a value
  bool is_object, is_over;  ///< whether it began with `{`; whether nothing more is to be seen
  uint64_t separator;  ///< the last one
  sj_border here;      ///< of the record at hand: where it begins, and what came before it
  uint64_t first_cut;  ///< cuts that have their borders
} sj_keyed_walk;

/// Walks `count` bytes on, a multiple of 64 but at the file's end, where as many must be readable as make it one.
///
/// For each of the ascending `cuts`, `borders` gets the first record's beginning at or behind it, once that is met. The
/// walk is over where the object is closed, at `offset`, or where the text is none.
void sj_keyed_walk_on(
    sj_keyed_walk *walk, const uint8_t *bytes, size_t count, const uint64_t *cuts, size_t cut_count, sj_border *borders);
/// Gives the cuts that are left their borders: `end`, where the last record ends.
void sj_keyed_walk_end(
    sj_keyed_walk *walk, uint64_t end, const uint64_t *cuts, size_t cut_count, sj_border *borders);

/// Adds up what makes a parser's notes of a text long: bytes that are brackets, commas, colons or quotes, and quotes.
void sj_weigh(const uint8_t *bytes, size_t count, uint64_t *tokens, uint64_t *quotes);

#ifdef __cplusplus
}
#endif

#endif
