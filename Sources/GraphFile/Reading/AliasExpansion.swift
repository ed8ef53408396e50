import CYaml

/// How many values aliases of aliases may stand for in one file: a few lines can stand for more than there are atoms.
private let mostAliasedValues = 2_000_000

/// Refuses a text whose aliases, written out, would have no end, before anything walks through them.
///
/// One pass over the parser's events: the size of each value with an anchor is known when it ends, so what an alias
/// stands for is a number, and nothing is written out. What is no YAML is left to who reads it.
/// - Throws: `YamlProblem`.
func checkAliases(in text: String) throws {
  guard text.utf8.contains(UInt8(ascii: "*")), text.utf8.contains(UInt8(ascii: "&")) else { return }
  var text = text
  try text.withUTF8 { bytes in
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else { return }
    defer { yaml_parser_delete(&parser) }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
    var sizes: [String: Int] = [:]
    var open: [(anchor: String?, size: Int)] = []
    var aliased = 0
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(&parser, &event) == 1 else { return }
      defer { yaml_event_delete(&event) }
      var size = 1
      var anchor: String?
      switch event.type {
      case YAML_STREAM_END_EVENT: return
      case YAML_MAPPING_START_EVENT:
        open.append((name(event.data.mapping_start.anchor), 1))
        continue
      case YAML_SEQUENCE_START_EVENT:
        open.append((name(event.data.sequence_start.anchor), 1))
        continue
      case YAML_MAPPING_END_EVENT, YAML_SEQUENCE_END_EVENT:
        guard let closed = open.popLast() else { return }
        (anchor, size) = (closed.anchor, closed.size)
      case YAML_SCALAR_EVENT: anchor = name(event.data.scalar.anchor)
      case YAML_ALIAS_EVENT:
        size = name(event.data.alias.anchor).flatMap { sizes[$0] } ?? 1
        aliased += size
        guard aliased <= mostAliasedValues else {
          let mark = event.start_mark
          throw YamlProblem(
            [Position(line: Int(mark.line) + 1, column: Int(mark.column) + 1)],
            "written out, the aliases up to here would be more than \(mostAliasedValues) values", code: .structure)
        }
      default: continue
      }
      if let anchor { sizes[anchor] = size }
      if !open.isEmpty { open[open.count - 1].size += size }
    }
  }
}

private func name(_ anchor: UnsafeMutablePointer<yaml_char_t>?) -> String? { anchor.map { String(cString: $0) } }
