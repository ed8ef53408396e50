import Graph

/// How records and fields are told apart: RFC 4180, but for what is set otherwise.
///
/// Records end with `\n` or `\r\n`. A field in quotes may hold the delimiter, line ends and, doubled, the quote; outside
/// quotes no quote may stand in a field.
struct CSVFormat: Hashable, Sendable {
  var delimiter = UInt8(ascii: ",")
  /// `nil`: quotes are bytes like others.
  var quote: UInt8? = UInt8(ascii: "\"")
  var hasHeader = true
  /// Lines before the header, or the first record.
  var skippedLines = 0
  /// What stands for null, outside quotes, beside nothing at all.
  var nulls: [String] = []

  static let newline = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")

  init() {}

  /// - Throws: `ParameterError` for a delimiter or quote that is no single byte, or the same.
  init(_ arguments: OpArguments) throws {
    delimiter = try CSVFormat.byte(arguments.require(OpArguments.string, "delimiter"), "delimiter")
    let quote = arguments.require(OpArguments.string, "quote")
    self.quote = quote == "none" ? nil : try CSVFormat.byte(quote, "quote")
    guard self.quote != delimiter else { throw ParameterError("quote", "it is the delimiter too") }
    hasHeader = arguments.boolean("header") ?? true
    skippedLines = arguments.integer("skip_lines") ?? 0
    nulls = arguments.strings("nulls") ?? []
  }

  static func byte(_ text: String, _ parameter: String) throws -> UInt8 {
    let bytes = Array(text == "tab" || text == "\\t" ? "\t".utf8 : text.utf8)
    guard bytes.count == 1, bytes[0] != newline, bytes[0] != carriageReturn, bytes[0] < 0x80 else {
      throw ParameterError(parameter, "\"\(text)\" is not one ASCII character; write for example \";\", or tab")
    }
    return bytes[0]
  }

  /// All that decides what a file's bytes mean, as one text for fingerprints.
  var identity: String {
    "\(delimiter) \(quote.map { "\($0)" } ?? "none") \(hasHeader) \(skippedLines) \(nulls.map(jsonQuoted))"
  }

  static let parameters = [
    OpParameter(
      "delimiter", .string, default: .string(","), summary: "what stands between fields: one character, or tab"),
    OpParameter(
      "quote", .string, default: .string("\""),
      summary: "what fields that hold delimiters or line ends are put in: one character, or none"),
    OpParameter(
      "header", .boolean, default: .boolean(true), summary: "whether the first record holds the columns' names"),
  ]
}
