// Papers of arXiv metadata, in both layouts.
#include "Reader.hpp"

using namespace shim;

namespace {

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

}  // namespace

extern "C" {

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
    if (!unescape(*reader, field.key(), notes.id)) {
      notes.id = rawText(*reader, field.key());
      walk = problem(*paper, SJ_BAD_STRING, "id");
    }
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

}  // extern "C"
