#include "CSimdJSON.h"

#include <simdjson.h>

#include <cstring>
#include <new>
#include <string_view>
#include <vector>

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

namespace {

using Note = sj_reader::Note;

constexpr size_t kSlack = 64;

/// What stops a walk: a problem of this record only, or broken JSON.
enum class Walk { fine, problem, broken };

sj_failure_kind kindOf(error_code error) {
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

const char *wordsOf(ondemand::json_type type) {
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

size_t offsetNow(sj_reader &reader) {
  const char *place = nullptr;
  if (reader.document.current_location().get(place)) return reader.length;
  size_t offset = reinterpret_cast<const uint8_t *>(place) - reader.json;
  return offset <= reader.length ? offset : reader.length;
}

Walk broken(sj_reader &reader, error_code error, bool placeKnown = true) {
  reader.failure = {kindOf(error), simdjson::error_message(error), placeKnown ? offsetNow(reader) : 0};
  // The grammar breaks at the very end where the text was cut between two tokens.
  if (placeKnown && reader.failure.kind == SJ_BAD_GRAMMAR && reader.failure.offset >= reader.length)
    reader.failure.kind = SJ_CUT_OFF;
  return Walk::broken;
}

Walk problem(sj_paper &paper, sj_problem problem, const char *field, const char *found = "") {
  paper.problem = problem;
  paper.field = field;
  paper.found = found;
  return Walk::problem;
}

Walk wrongType(sj_reader &reader, sj_paper &paper, ondemand::value &value, const char *field) {
  ondemand::json_type type;
  if (error_code error = value.type().get(type)) return broken(reader, error);
  return problem(paper, SJ_WRONG_TYPE, field, wordsOf(type));
}

/// Makes room for `count` more bytes and what simdjson may write beyond them.
uint8_t *room(sj_reader &reader, size_t count) {
  size_t needed = reader.used + count + kSlack;
  if (reader.scratch.size() < needed) reader.scratch.resize(needed + needed / 2);
  return reader.scratch.data() + reader.used;
}

/// Unescapes a string that the walk has just passed; false if its escapes are wrong.
bool unescape(sj_reader &reader, ondemand::raw_json_string raw, Note &note) {
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

Walk stringValue(sj_reader &reader, sj_paper &paper, ondemand::value value, const char *field, Note &note) {
  ondemand::raw_json_string raw;
  error_code error = value.get_raw_json_string().get(raw);
  if (error == simdjson::INCORRECT_TYPE) return wrongType(reader, paper, value, field);
  if (error) return broken(reader, error);
  return unescape(reader, raw, note) ? Walk::fine : problem(paper, SJ_BAD_STRING, field);
}

Walk optionalString(sj_reader &reader, sj_paper &paper, ondemand::value value, const char *field, Note &note) {
  ondemand::json_type type;
  if (error_code error = value.type().get(type)) return broken(reader, error);
  if (type == ondemand::json_type::null) return Walk::fine;
  return stringValue(reader, paper, value, field, note);
}

bool isNamed(ondemand::raw_json_string key, std::string_view name) {
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

/// {"category-0": {"main_category": …, "sub_category": …}, …}
Walk categoryObject(sj_reader &reader, sj_paper &paper, ondemand::value value) {
  ondemand::object all;
  if (Walk walk = open(reader, paper, value, "categories", all); walk != Walk::fine) return walk;
  return eachField(reader, all, [&](ondemand::raw_json_string, ondemand::value entry) {
    ondemand::object parts;
    if (Walk walk = open(reader, paper, entry, "categories", parts); walk != Walk::fine) return walk;
    Note main, sub;
    Walk walk = eachField(reader, parts, [&](ondemand::raw_json_string key, ondemand::value part) {
      if (isNamed(key, "main_category")) return stringValue(reader, paper, part, "main_category", main);
      if (isNamed(key, "sub_category")) return optionalString(reader, paper, part, "sub_category", sub);
      return Walk::fine;
    });
    if (walk != Walk::fine) return walk;
    if (!main.isThere) return problem(paper, SJ_MISSING, "main_category");
    reader.mains.push_back(main);
    reader.subs.push_back(sub);
    return Walk::fine;
  });
}

/// Joins forenames and key name, each of which may be missing, with a space.
void noteAuthor(sj_reader &reader, const Note &forenames, const Note &keyname) {
  Note whole = {reader.used, 0, true};
  uint8_t *place = room(reader, forenames.count + keyname.count + 1);
  const uint8_t *base = reader.scratch.data();
  size_t count = forenames.count;
  std::memcpy(place, base + forenames.start, forenames.count);
  if (forenames.count && keyname.count) place[count++] = ' ';
  std::memcpy(place + count, base + keyname.start, keyname.count);
  whole.count = count + keyname.count;
  reader.used += whole.count;
  reader.authors.push_back(whole);
}

Walk authorObject(sj_reader &reader, sj_paper &paper, ondemand::value value) {
  ondemand::object parts;
  if (Walk walk = open(reader, paper, value, "author", parts); walk != Walk::fine) return walk;
  Note forenames, keyname;
  Walk walk = eachField(reader, parts, [&](ondemand::raw_json_string key, ondemand::value part) {
    if (isNamed(key, "keyname")) return optionalString(reader, paper, part, "keyname", keyname);
    if (isNamed(key, "forenames")) return optionalString(reader, paper, part, "forenames", forenames);
    return Walk::fine;
  });
  if (walk == Walk::fine) noteAuthor(reader, forenames, keyname);
  return walk;
}

/// {"author": {…}} or {"author": [{…}, …]}
Walk keyedAuthors(sj_reader &reader, sj_paper &paper, ondemand::value value) {
  ondemand::object holder;
  if (Walk walk = open(reader, paper, value, "authors", holder); walk != Walk::fine) return walk;
  return eachField(reader, holder, [&](ondemand::raw_json_string key, ondemand::value author) {
    if (!isNamed(key, "author")) return Walk::fine;
    ondemand::json_type type;
    if (error_code error = author.type().get(type)) return broken(reader, error);
    if (type != ondemand::json_type::array) return authorObject(reader, paper, author);
    ondemand::array list;
    if (Walk walk = open(reader, paper, author, "author", list); walk != Walk::fine) return walk;
    return eachItem(reader, list, [&](ondemand::value one) { return authorObject(reader, paper, one); });
  });
}

/// [["Keyname", "Forenames", "Suffix"], …]
Walk parsedAuthors(sj_reader &reader, sj_paper &paper, ondemand::value value) {
  ondemand::array list;
  if (Walk walk = open(reader, paper, value, "authors_parsed", list); walk != Walk::fine) return walk;
  return eachItem(reader, list, [&](ondemand::value one) {
    ondemand::array parts;
    if (Walk walk = open(reader, paper, one, "authors_parsed", parts); walk != Walk::fine) return walk;
    Note names[2];
    size_t position = 0;
    Walk walk = eachItem(reader, parts, [&](ondemand::value part) {
      size_t place = position++;
      return place < 2 ? optionalString(reader, paper, part, "authors_parsed", names[place]) : Walk::fine;
    });
    if (walk == Walk::fine) noteAuthor(reader, names[1], names[0]);
    return walk;
  });
}

void forget(sj_reader &reader, sj_paper &paper) {
  paper = {};
  reader.used = 0;
  reader.authors.clear();
  reader.mains.clear();
  reader.subs.clear();
}

struct PaperNotes {
  Note id, abstract, title, journal, codes;
  uint32_t seen = 0;
};

template <bool isKeyed>
Walk walkPaper(sj_reader &reader, ondemand::object &object, sj_paper &paper, PaperNotes &notes) {
  const uint32_t wanted = reader.wanted;
  Walk walk = eachField(reader, object, [&](ondemand::raw_json_string key, ondemand::value value) {
    switch (key.raw()[0]) {
      case 'a':
        if ((wanted & SJ_ABSTRACT) && isNamed(key, "abstract")) {
          notes.seen |= SJ_ABSTRACT;
          return stringValue(reader, paper, value, "abstract", notes.abstract);
        }
        if ((wanted & SJ_AUTHORS) && isNamed(key, isKeyed ? "authors" : "authors_parsed")) {
          notes.seen |= SJ_AUTHORS;
          reader.authors.clear();
          return isKeyed ? keyedAuthors(reader, paper, value) : parsedAuthors(reader, paper, value);
        }
        break;
      case 'c':
        if ((wanted & SJ_CATEGORIES) && isNamed(key, "categories")) {
          notes.seen |= SJ_CATEGORIES;
          if (!isKeyed) return stringValue(reader, paper, value, "categories", notes.codes);
          reader.mains.clear();
          reader.subs.clear();
          return categoryObject(reader, paper, value);
        }
        break;
      case 'i':
        if (!isKeyed && isNamed(key, "id")) return stringValue(reader, paper, value, "id", notes.id);
        break;
      case 'j':
        if ((wanted & SJ_JOURNAL) && isNamed(key, "journal-ref"))
          return optionalString(reader, paper, value, "journal-ref", notes.journal);
        break;
      case 't':
        if ((wanted & SJ_TITLE) && isNamed(key, "title")) {
          notes.seen |= SJ_TITLE;
          return stringValue(reader, paper, value, "title", notes.title);
        }
        break;
    }
    return Walk::fine;
  });
  if (walk != Walk::fine) return walk;
  if (!isKeyed && !notes.id.isThere) return problem(paper, SJ_MISSING, "id");
  uint32_t missing = wanted & ~notes.seen;
  if (missing & SJ_ABSTRACT) return problem(paper, SJ_MISSING, "abstract");
  if (missing & SJ_CATEGORIES) return problem(paper, SJ_MISSING, "categories");
  if (missing & SJ_TITLE) return problem(paper, SJ_MISSING, "title");
  if (missing & SJ_AUTHORS) return problem(paper, SJ_MISSING, isKeyed ? "authors" : "authors_parsed");
  return Walk::fine;
}

sj_text textOf(const sj_reader &reader, const Note &note) {
  if (!note.isThere) return {nullptr, 0};
  return {reader.scratch.data() + note.start, note.count};
}

void pointTo(const sj_reader &reader, const std::vector<Note> &notes, std::vector<sj_text> &texts) {
  texts.clear();
  for (const Note &note : notes) texts.push_back(textOf(reader, note));
}

void hand(sj_reader &reader, const PaperNotes &notes, sj_paper &paper) {
  if (reader.scratch.empty()) reader.scratch.resize(kSlack);
  paper.id = textOf(reader, notes.id);
  paper.abstract = textOf(reader, notes.abstract);
  paper.title = textOf(reader, notes.title);
  paper.journal = textOf(reader, notes.journal);
  paper.codes = textOf(reader, notes.codes);
  pointTo(reader, reader.authors, reader.authorTexts);
  pointTo(reader, reader.mains, reader.mainTexts);
  pointTo(reader, reader.subs, reader.subTexts);
  paper.authors = reader.authorTexts.data();
  paper.author_count = reader.authorTexts.size();
  paper.main_categories = reader.mainTexts.data();
  paper.sub_categories = reader.subTexts.data();
  paper.category_count = reader.mainTexts.size();
}

/// Opens a text as an object of any fields.
Walk openRoot(sj_reader &reader, const uint8_t *json, size_t count) {
  reader.json = json;
  reader.length = count;
  error_code error = reader.parser.iterate(json, count, count + SJ_PADDING).get(reader.document);
  if (error) return broken(reader, error, false);
  error = reader.document.get_object().get(reader.root);
  return error ? broken(reader, error) : Walk::fine;
}

/// After the last field: nothing may follow.
sj_result atEnd(sj_reader &reader) {
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

Walk anyValue(sj_reader &reader, ondemand::value value, sj_field &field, sj_reader::FieldNote &note) {
  ondemand::json_type type;
  if (error_code error = value.type().get(type)) return broken(reader, error);
  field.found = wordsOf(type);
  switch (type) {
    case ondemand::json_type::null: {
      bool isNull = value.is_null();
      field.kind = isNull ? SJ_NULL : SJ_OTHER;
      return isNull ? Walk::fine : broken(reader, simdjson::TAPE_ERROR);
    }
    case ondemand::json_type::boolean: {
      bool flag = false;
      if (error_code error = value.get_bool().get(flag)) return broken(reader, error);
      field.kind = SJ_BOOL;
      field.integer = flag;
      return Walk::fine;
    }
    case ondemand::json_type::number: {
      ondemand::number number;
      if (error_code error = value.get_number().get(number)) return broken(reader, error);
      field.kind = number.is_int64() ? SJ_INTEGER : SJ_NUMBER;
      if (number.is_int64()) field.integer = number.get_int64();
      field.number = number.as_double();
      return Walk::fine;
    }
    case ondemand::json_type::string: {
      ondemand::raw_json_string raw;
      if (error_code error = value.get_raw_json_string().get(raw)) return broken(reader, error);
      field.kind = SJ_STRING;
      return unescape(reader, raw, note.text) ? Walk::fine : broken(reader, simdjson::STRING_ERROR);
    }
    case ondemand::json_type::array: {
      ondemand::array list;
      if (error_code error = value.get(list)) return broken(reader, error);
      field.kind = SJ_STRINGS;
      note.firstItem = reader.items.size();
      Walk walk = eachItem(reader, list, [&](ondemand::value item) {
        ondemand::raw_json_string raw;
        error_code error = item.get_raw_json_string().get(raw);
        if (error == simdjson::INCORRECT_TYPE) {
          field.kind = SJ_OTHER;
          field.found = "a list of other things than strings";
          return Walk::fine;
        }
        if (error) return broken(reader, error);
        Note text;
        if (!unescape(reader, raw, text)) return broken(reader, simdjson::STRING_ERROR);
        reader.items.push_back(text);
        return Walk::fine;
      });
      note.itemCount = reader.items.size() - note.firstItem;
      return walk;
    }
    case ondemand::json_type::object:
      field.kind = SJ_OTHER;
      return Walk::fine;
  }
  return broken(reader, simdjson::TAPE_ERROR);
}

}  // namespace

extern "C" {

sj_reader *sj_reader_new(void) { return new (std::nothrow) sj_reader; }

void sj_reader_free(sj_reader *reader) { delete reader; }

sj_failure sj_failure_of(const sj_reader *reader) { return reader->failure; }

sj_result sj_keyed_begin(sj_reader *reader, const uint8_t *json, size_t count, uint32_t wanted) {
  return guarded(*reader, [&] {
    reader->wanted = wanted;
    reader->isFirst = true;
    if (openRoot(*reader, json, count) != Walk::fine) return SJ_BROKEN;
    error_code error = reader->root.begin().get(reader->next);
    if (!error) error = reader->root.end().get(reader->end);
    if (!error) return SJ_RECORD;
    broken(*reader, error);
    return SJ_BROKEN;
  });
}

sj_result sj_keyed_next(sj_reader *reader, sj_paper *paper) {
  return guarded(*reader, [&] {
    forget(*reader, *paper);
    // The step is taken here, not at the end of the last call: only then has the caller used the record before.
    if (!reader->isFirst) ++reader->next;
    reader->isFirst = false;
    if (!(reader->next != reader->end)) return atEnd(*reader);

    ondemand::field field;
    if (error_code error = (*reader->next).get(field)) {
      broken(*reader, error);
      return SJ_BROKEN;
    }
    PaperNotes notes;
    Walk walk = Walk::fine;
    // The key's raw text is bounded by its value's beginning, which is the next token.
    if (!unescape(*reader, field.key(), notes.id)) walk = problem(*paper, SJ_BAD_STRING, "id");
    ondemand::value value = field.value();
    paper->offset = offsetNow(*reader);
    if (walk == Walk::fine) {
      ondemand::object object;
      walk = open(*reader, *paper, value, "record", object);
      if (walk == Walk::fine) walk = walkPaper<true>(*reader, object, *paper, notes);
    }
    if (walk == Walk::broken) paper->problem = SJ_FINE;
    hand(*reader, notes, *paper);
    return walk == Walk::broken ? SJ_BROKEN : SJ_RECORD;
  });
}

sj_result sj_line_paper(sj_reader *reader, const uint8_t *line, size_t count, uint32_t wanted, sj_paper *paper) {
  return guarded(*reader, [&] {
    forget(*reader, *paper);
    reader->wanted = wanted;
    PaperNotes notes;
    Walk walk = openRoot(*reader, line, count);
    if (walk == Walk::fine) walk = walkPaper<false>(*reader, reader->root, *paper, notes);
    if (walk == Walk::fine && atEnd(*reader) == SJ_BROKEN) walk = Walk::broken;
    hand(*reader, notes, *paper);
    return walk == Walk::broken ? SJ_BROKEN : SJ_RECORD;
  });
}

sj_result sj_line_fields(sj_reader *reader, const uint8_t *line, size_t count, sj_fields *out) {
  return guarded(*reader, [&] {
    sj_reader &all = *reader;
    *out = {};
    all.used = 0;
    all.fieldNotes.clear();
    all.fields.clear();
    all.items.clear();
    Walk walk = openRoot(all, line, count);
    if (walk == Walk::fine)
      walk = eachField(all, all.root, [&](ondemand::raw_json_string key, ondemand::value value) {
        sj_field field = {};
        sj_reader::FieldNote note;
        if (!unescape(all, key, note.name)) return broken(all, simdjson::STRING_ERROR);
        Walk one = anyValue(all, value, field, note);
        all.fields.push_back(field);
        all.fieldNotes.push_back(note);
        return one;
      });
    if (walk == Walk::broken || atEnd(all) == SJ_BROKEN) return SJ_BROKEN;
    if (all.scratch.empty()) all.scratch.resize(kSlack);
    pointTo(all, all.items, all.itemTexts);
    for (size_t i = 0; i < all.fields.size(); i++) {
      const sj_reader::FieldNote &note = all.fieldNotes[i];
      all.fields[i].name = textOf(all, note.name);
      all.fields[i].text = textOf(all, note.text);
      all.fields[i].items = all.itemTexts.data() + note.firstItem;
      all.fields[i].item_count = note.itemCount;
    }
    out->fields = all.fields.data();
    out->field_count = all.fields.size();
    return SJ_RECORD;
  });
}

}  // extern "C"
