// What the parts of the shim share: the reader, walking containers, unescaping, and how trouble is told.
#ifndef C_SIMD_JSON_READER_HPP
#define C_SIMD_JSON_READER_HPP

#include <simdjson.h>

#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include "CSimdJSON.h"

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

static_assert(SJ_PADDING >= simdjson::SIMDJSON_PADDING, "simdjson reads further than the callers provide for");

// Strings are unescaped into `scratch`, which is used again for every record: it stays in the cache, and
// simdjson's own string buffer (5/3 of the document) is never touched. As scratch may move while it grows,
// strings are noted as positions and become pointers when the record is complete.
struct sj_reader {
  struct Note {
    size_t start = 0, count = 0;
    bool isThere = false;
  };

  ondemand::parser parser;
  ondemand::document document;
  ondemand::object root;
  ondemand::object_iterator next, end;
  bool isFirst = false;
  uint32_t wanted = 0;
  const uint8_t *json = nullptr;
  size_t length = 0;
  sj_failure failure = {SJ_BAD_GRAMMAR, "", 0};

  std::vector<uint8_t> scratch;
  size_t used = 0;
  std::vector<Note> authors, mains, subs;
  std::vector<sj_text> authorTexts, mainTexts, subTexts;

  struct FieldNote {
    Note name, text;
    size_t firstItem = 0, itemCount = 0;
  };
  std::vector<FieldNote> fieldNotes;
  std::vector<Note> items;
  std::vector<sj_field> fields;
  std::vector<sj_text> itemTexts;
};

namespace shim {

using Note = sj_reader::Note;

constexpr size_t kSlack = 64;
/// Strings of more than this together are not copied once more for want of room.
constexpr size_t kLarge = 1 << 20;

/// What stops a walk: a problem of this record only, or broken JSON.
enum class Walk { fine, problem, broken };

inline sj_failure_kind kindOf(error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR: return SJ_INVALID_UTF8;
    case simdjson::UNCLOSED_STRING:
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
    case simdjson::EMPTY: return SJ_CUT_OFF;
    case simdjson::DEPTH_ERROR: return SJ_TOO_DEEP;
    case simdjson::CAPACITY: return SJ_TOO_LARGE;
    case simdjson::MEMALLOC: return SJ_NO_MEMORY;
    case simdjson::INCORRECT_TYPE: return SJ_NOT_AN_OBJECT;
    default: return SJ_BAD_GRAMMAR;
  }
}

inline const char *wordsOf(ondemand::json_type type) {
  switch (type) {
    case ondemand::json_type::array: return "a list";
    case ondemand::json_type::object: return "an object";
    case ondemand::json_type::number: return "a number";
    case ondemand::json_type::string: return "a string";
    case ondemand::json_type::boolean: return "true or false";
    case ondemand::json_type::null: return "null";
  }
  return "something else";
}

inline size_t offsetNow(sj_reader &reader) {
  const char *place = nullptr;
  if (reader.document.current_location().get(place)) return reader.length;
  size_t offset = reinterpret_cast<const uint8_t *>(place) - reader.json;
  return offset <= reader.length ? offset : reader.length;
}

inline Walk broken(sj_reader &reader, error_code error, bool placeKnown = true) {
  reader.failure = {kindOf(error), simdjson::error_message(error), placeKnown ? offsetNow(reader) : 0};
  // The grammar breaks at the very end where the text was cut between two tokens.
  if (placeKnown && reader.failure.kind == SJ_BAD_GRAMMAR && reader.failure.offset >= reader.length)
    reader.failure.kind = SJ_CUT_OFF;
  return Walk::broken;
}

inline Walk problem(sj_paper &paper, sj_problem problem, const char *field, const char *found = "") {
  paper.problem = problem;
  paper.field = field;
  paper.found = found;
  return Walk::problem;
}

inline Walk wrongType(sj_reader &reader, sj_paper &paper, ondemand::value &value, const char *field) {
  ondemand::json_type type;
  if (error_code error = value.type().get(type)) return broken(reader, error);
  return problem(paper, SJ_WRONG_TYPE, field, wordsOf(type));
}

/// Makes room for `count` more bytes and what simdjson may write beyond them.
///
/// A text's strings take no more than the text, as a rule (names are put together once more): then memory is asked for
/// once, and touched as far as it is used.
inline uint8_t *room(sj_reader &reader, size_t count) {
  size_t needed = reader.used + count + kSlack;
  if (reader.scratch.size() < needed) {
    const size_t all = reader.length + 2 * kSlack, most = needed + needed / 2;
    if (needed > kLarge) reader.scratch.reserve(all);
    reader.scratch.resize(needed <= all && all < most ? all : most);
  }
  return reader.scratch.data() + reader.used;
}

/// Unescapes a string that the walk has just passed; false if its escapes are wrong.
inline bool unescape(sj_reader &reader, ondemand::raw_json_string raw, Note &note) {
  // The next token bounds the string's length: it begins behind the closing quote.
  const char *following = nullptr;
  size_t most = reader.document.current_location().get(following)
                    ? reader.json + reader.length - reinterpret_cast<const uint8_t *>(raw.raw())
                    : following - raw.raw();
  uint8_t *place = room(reader, most);
  std::string_view text;
  if (reader.parser.unescape(raw, place).get(text)) return false;
  note = {reader.used, text.size(), true};
  reader.used += text.size();
  return true;
}

/// A string as it stands in the text, for messages; that it is closed has been checked with the whole text.
inline Note rawText(sj_reader &reader, ondemand::raw_json_string raw) {
  size_t count = 0;
  while (raw.raw()[count] != '"') count += raw.raw()[count] == '\\' ? 2 : 1;
  Note note = {reader.used, count, true};
  std::memcpy(room(reader, count), raw.raw(), count);
  reader.used += count;
  return note;
}

inline Walk stringValue(sj_reader &reader, sj_paper &paper, ondemand::value value, const char *field, Note &note) {
  ondemand::raw_json_string raw;
  error_code error = value.get_raw_json_string().get(raw);
  if (error == simdjson::INCORRECT_TYPE) return wrongType(reader, paper, value, field);
  if (error) return broken(reader, error);
  return unescape(reader, raw, note) ? Walk::fine : problem(paper, SJ_BAD_STRING, field);
}

inline Walk optionalString(sj_reader &reader, sj_paper &paper, ondemand::value value, const char *field, Note &note) {
  ondemand::json_type type;
  if (error_code error = value.type().get(type)) return broken(reader, error);
  if (type == ondemand::json_type::null) return Walk::fine;
  return stringValue(reader, paper, value, field, note);
}

inline bool isNamed(ondemand::raw_json_string key, std::string_view name) {
  return std::memcmp(key.raw(), name.data(), name.size()) == 0 && key.raw()[name.size()] == '"';
}

/// Calls `body(key, value)` for every field until it gives something else than fine.
template <typename Body>
Walk eachField(sj_reader &reader, ondemand::object &object, Body body) {
  ondemand::object_iterator next, end;
  if (error_code error = object.begin().get(next)) return broken(reader, error);
  if (error_code error = object.end().get(end)) return broken(reader, error);
  for (; next != end; ++next) {
    ondemand::field field;
    if (error_code error = (*next).get(field)) return broken(reader, error);
    Walk walk = body(field.key(), field.value());
    if (walk != Walk::fine) return walk;
  }
  return Walk::fine;
}

template <typename Body>
Walk eachItem(sj_reader &reader, ondemand::array &array, Body body) {
  ondemand::array_iterator next, end;
  if (error_code error = array.begin().get(next)) return broken(reader, error);
  if (error_code error = array.end().get(end)) return broken(reader, error);
  for (; next != end; ++next) {
    ondemand::value value;
    if (error_code error = (*next).get(value)) return broken(reader, error);
    Walk walk = body(value);
    if (walk != Walk::fine) return walk;
  }
  return Walk::fine;
}

/// Opens `value` as an object or array, or says what it is instead.
template <typename Container>
Walk open(sj_reader &reader, sj_paper &paper, ondemand::value &value, const char *field, Container &container) {
  error_code error = value.get(container);
  if (error == simdjson::INCORRECT_TYPE) return wrongType(reader, paper, value, field);
  return error ? broken(reader, error) : Walk::fine;
}

inline sj_text textOf(const sj_reader &reader, const Note &note) {
  if (!note.isThere) return {nullptr, 0};
  return {reader.scratch.data() + note.start, note.count};
}

inline void pointTo(const sj_reader &reader, const std::vector<Note> &notes, std::vector<sj_text> &texts) {
  texts.clear();
  for (const Note &note : notes) texts.push_back(textOf(reader, note));
}

/// Opens a text as an object of any fields.
inline Walk openRoot(sj_reader &reader, const uint8_t *json, size_t count) {
  reader.json = json;
  reader.length = count;
  error_code error = reader.parser.iterate(json, count, count + SJ_PADDING).get(reader.document);
  if (error) return broken(reader, error, false);
  error = reader.document.get_object().get(reader.root);
  return error ? broken(reader, error) : Walk::fine;
}

/// After the last field: nothing may follow.
inline sj_result atEnd(sj_reader &reader) {
  if (reader.document.current_location().error() == simdjson::OUT_OF_BOUNDS) return SJ_END;
  broken(reader, simdjson::TRAILING_CONTENT);
  return SJ_BROKEN;
}

/// Runs `body`, which may run out of memory in a container.
template <typename Body>
sj_result guarded(sj_reader &reader, Body body) {
  try {
    return body();
  } catch (...) {
    reader.failure = {SJ_NO_MEMORY, "no memory for the record's strings", 0};
    return SJ_BROKEN;
  }
}

}  // namespace shim

#endif
