// Where records begin in an object of them, found without parsing.
//
// 64 bytes at a time become bit masks: quotes that no backslash escapes; what lies inside strings, as the running
// exclusive or over those; brackets outside. Records are all that stands at depth 1. So a block whose brackets cannot lead
// there, which is nearly every one, costs two population counts; only in the others events are looked at one by one.
//
// Source of the masks: G. Langdale, D. Lemire, "Parsing gigabytes of JSON per second", The VLDB Journal 28 (2019), and
// simdjson's `json_escape_scanner`. As there, a backslash escapes outside strings too: both see the same strings.
#include <cstring>

#include "CSimdJSON.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace {

/// A bit for each of 64 bytes.
struct Masks {
  uint64_t quote = 0, backslash = 0, open = 0, close = 0, space = 0;
};

#if defined(__SSE2__)
Masks masksOf(const uint8_t *bytes) {
  Masks masks;
  for (int part = 0; part < 4; part++) {
    const __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i *>(bytes + part * 16));
    const auto mask = [&](char byte, __m128i where) {
      return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(where, _mm_set1_epi8(byte)))))
             << (part * 16);
    };
    // `[` and `{`, and `]` and `}`, differ in this bit alone.
    const __m128i folded = _mm_or_si128(some, _mm_set1_epi8(0x20));
    masks.quote |= mask('"', some);
    masks.backslash |= mask('\\', some);
    masks.open |= mask('{', folded);
    masks.close |= mask('}', folded);
    masks.space |= mask(' ', some) | mask('\n', some) | mask('\r', some) | mask('\t', some);
  }
  return masks;
}
#else
Masks masksOf(const uint8_t *bytes) {
  Masks masks;
  for (int place = 0; place < 64; place++) {
    const uint8_t byte = bytes[place];
    const uint64_t bit = uint64_t{1} << place;
    if (byte == '"') masks.quote |= bit;
    if (byte == '\\') masks.backslash |= bit;
    if ((byte | 0x20) == '{') masks.open |= bit;
    if ((byte | 0x20) == '}') masks.close |= bit;
    if (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t') masks.space |= bit;
  }
  return masks;
}
#endif

/// The bytes that a backslash before them escapes.
uint64_t escaped(sj_keyed_walk &walk, uint64_t backslash) {
  if (!backslash) {
    const uint64_t first = walk.is_escaped;
    walk.is_escaped = 0;
    return first;
  }
  constexpr uint64_t odd = 0xAAAAAAAAAAAAAAAAULL;
  const uint64_t mayEscape = backslash & ~walk.is_escaped;
  const uint64_t codes = (((mayEscape << 1) | odd) - mayEscape) ^ odd;
  const uint64_t found = codes ^ (backslash | walk.is_escaped);
  walk.is_escaped = (codes & backslash) >> 63;
  return found;
}

/// Each bit the exclusive or of all up to it.
uint64_t runningParity(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

/// The record at hand ends with the value before `walk.here.separator`, or at `stop` at the end.
void closeRecord(sj_keyed_walk &walk, uint64_t stop) {
  sj_border &here = walk.here;
  if (here.start && stop - here.start > here.largest_stop - here.largest_start) {
    here.largest_start = here.start;
    here.largest_stop = stop;
  }
}

void giveBorders(
    sj_keyed_walk &walk, const sj_border &border, const uint64_t *cuts, size_t cut_count, sj_border *borders) {
  const uint64_t first = walk.first_cut;
  while (walk.first_cut < cut_count && cuts[walk.first_cut] <= border.start) borders[walk.first_cut++] = border;
  if (walk.first_cut > first) walk.here.largest_start = walk.here.largest_stop = 0;
}

}  // namespace

extern "C" {

void sj_keyed_walk_on(
    sj_keyed_walk *walk, const uint8_t *bytes, size_t count, const uint64_t *cuts, size_t cut_count,
    sj_border *borders) {
  for (size_t begin = 0; begin < count && !walk->is_over; begin += 64) {
    const size_t length = count - begin < 64 ? count - begin : 64;
    const uint64_t valid = length == 64 ? ~uint64_t{0} : (uint64_t{1} << length) - 1;
    const Masks masks = masksOf(bytes + begin);
    const uint64_t quote = masks.quote & valid & ~escaped(*walk, masks.backslash & valid);
    // The opening quote counts as inside, the closing one as outside.
    const uint64_t inside = runningParity(quote) ^ walk->in_string;
    walk->in_string = static_cast<uint64_t>(static_cast<int64_t>(inside) >> 63);
    const uint64_t open = masks.open & valid & ~inside, close = masks.close & valid & ~inside;
    const uint64_t opens = __builtin_popcountll(open), closes = __builtin_popcountll(close);
    if (walk->depth >= closes + 2) {
      walk->depth += opens - closes;
      walk->offset += length;
      continue;
    }
    // Whatever is seen outside strings, and where strings begin.
    uint64_t events = valid & ((~masks.space & ~inside & ~quote) | (quote & inside));
    for (; events; events &= events - 1) {
      const int place = __builtin_ctzll(events);
      const uint8_t byte = bytes[begin + place];
      const uint64_t offset = walk->offset + place;
      const bool isOpening = open >> place & 1;
      if (walk->depth == 0) {
        walk->is_object = byte == '{';
        walk->is_over = !walk->is_object;
        if (walk->is_over) break;
        walk->depth = 1;
        walk->awaits_key = true;
        walk->separator = offset + 1;
      } else if (isOpening) {
        if (walk->depth++ == 1) walk->awaits_key = false;
      } else if (close >> place & 1) {
        if (--walk->depth == 0) {
          walk->is_over = true;
          walk->offset = offset + 1;
          return;
        }
      } else if (walk->depth == 1) {
        if (byte == '"' && walk->awaits_key) {
          closeRecord(*walk, walk->separator);
          sj_border &here = walk->here;
          here.last_start = here.start;
          here.last_separator = here.separator;
          here.start = offset;
          here.separator = walk->separator;
          giveBorders(*walk, here, cuts, cut_count, borders);
          walk->awaits_key = false;
        } else if (byte == ',' && !walk->awaits_key) {
          walk->awaits_key = true;
          walk->separator = offset;
        } else {
          walk->awaits_key = false;
        }
      }
    }
    walk->offset += length;
  }
}

void sj_keyed_walk_end(
    sj_keyed_walk *walk, uint64_t end, const uint64_t *cuts, size_t cut_count, sj_border *borders) {
  closeRecord(*walk, end);
  sj_border border = walk->here;
  border.last_start = border.start;
  border.last_separator = border.separator;
  border.start = border.separator = end;
  while (walk->first_cut < cut_count) borders[walk->first_cut++] = border;
  walk->is_over = true;
}

void sj_weigh(const uint8_t *bytes, size_t count, uint64_t *tokens, uint64_t *quotes) {
  uint64_t all = 0, strings = 0;
  for (size_t place = 0; place < count; place++) {
    const uint8_t byte = bytes[place];
    strings += byte == '"';
    all += byte == '"' || byte == ',' || byte == ':' || (byte | 0x20) == '{' || (byte | 0x20) == '}';
  }
  *tokens += all;
  *quotes += strings;
}

}  // extern "C"
