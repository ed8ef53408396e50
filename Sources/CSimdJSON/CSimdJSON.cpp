// The reader's life, and records of any fields.
#include "Reader.hpp"

using namespace shim;

namespace {

/// Whether a token that is no int64_t is a whole number all the same: nothing but digits, as many as that takes.
bool isBigInteger(std::string_view token) {
  size_t digits = token.front() == '-' ? 1 : 0, end = digits;
  while (end < token.size() && token[end] >= '0' && token[end] <= '9') end++;
  if (end - digits < 19 || token[digits] == '0') return false;
  return token.find_first_not_of(" \t\r\n", end) == std::string_view::npos;
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
      std::string_view token = value.raw_json_token();
      error_code error = value.get_number().get(number);
      // The library takes some of them for uint64_t and the others for errors.
      if ((error || number.is_uint64()) && isBigInteger(token)) {
        field.kind = SJ_BIG_INTEGER;
        field.found = token.front() == '-' ? "a whole number below -2⁶³" : "a whole number beyond 2⁶³ - 1";
        return Walk::fine;
      }
      if (error) return broken(reader, error);
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
