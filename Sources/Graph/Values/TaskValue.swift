/// What flows along an edge: knows its size, and can go to disk and come back.
public protocol TaskValue: Sendable {
  /// Tells this type's files from others': written into every spill file.
  static var kind: String { get }

  /// Bytes of memory that keeping this value costs, exactly. What costs nothing is not spilled for room.
  var byteCount: Int { get }

  /// Records in it, where that means something.
  var rowCount: Int? { get }

  /// Whether it can be written at all. What only names bytes that lie on disk already cannot, and takes no memory.
  var isSpillable: Bool { get }

  /// Of what a shuffle split: bytes of each part, in memory or on disk; `nil` of all else.
  var partByteCounts: [Int]? { get }

  /// The same value without memory that `byteCount` does not tell: parts of buffers whose rest nobody needs are copied.
  func compacted() -> Self

  /// Writes the whole value; what `init(contentsOf:)` reads.
  func write(to sink: any ByteSink) throws

  /// Reads what `write(to:)` wrote, without a copy where it can.
  /// - Throws: `TaskError` with code `.corruptValue`: the bytes are checked before they are believed.
  init(contentsOf buffer: Buffer) throws

  /// The first `limit` records for people and programs.
  func preview(limit: Int) -> ValuePreview
}

extension TaskValue {
  public var rowCount: Int? { nil }
  public var isSpillable: Bool { true }
  public var partByteCounts: [Int]? { nil }
  public func compacted() -> Self { self }
}

/// The head of a value as text.
public struct ValuePreview: Sendable {
  /// Column names; empty for a value that is no table.
  public let columns: [String]
  /// One text a cell.
  public let rows: [[String]]
  /// How many records the value has in all.
  public let rowCount: Int
  /// The same as one JSON text: an object for a single record, an array of objects for several.
  public let json: String

  public init(columns: [String], rows: [[String]], rowCount: Int, json: String) {
    self.columns = columns
    self.rows = rows
    self.rowCount = rowCount
    self.json = json
  }
}

/// Somewhere bytes go. Callers hand over blocks of a reasonable size: a call is not free.
public protocol ByteSink: AnyObject {
  /// Takes all of `bytes`, which it copies if it keeps them.
  /// - Throws: `TaskError` with code `.cannotWrite` or `.diskFull`.
  func write(_ bytes: UnsafeRawBufferPointer) throws
}

extension ByteSink {
  /// Writes the UTF-8 of `text`, without its length.
  public func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  /// Writes a value as it lies in memory.
  public func write<T: BitwiseCopyable>(value: T) throws {
    try withUnsafeBytes(of: value) { try write($0) }
  }
}

/// What a sink's task gives, or a command's: the file that now stands under its final name.
public struct WrittenFile: TaskValue, Hashable {
  public static let kind = "file"

  /// Absolute.
  public let path: String
  /// The file's size in bytes.
  public let fileByteCount: Int
  /// Modification time in nanoseconds since 1970, when it was published.
  public let modified: Int64
  /// `nil` where nobody counted them.
  public let records: Int?
  /// Of the file's bytes, computed while they were written; `nil` where somebody else wrote them.
  public let checksum: FileChecksum?

  /// A file as it was when it was published.
  public init(path: String, fileByteCount: Int, modified: Int64, records: Int?, checksum: FileChecksum? = nil) {
    self.path = path
    self.fileByteCount = fileByteCount
    self.modified = modified
    self.records = records
    self.checksum = checksum
  }

  public var byteCount: Int { 80 + path.utf8.count }
  public var rowCount: Int? { records }

  public func write(to sink: any ByteSink) throws {
    try sink.write(value: Int64(fileByteCount))
    try sink.write(value: modified)
    try sink.write(value: Int64(records ?? -1))
    // No path holds a zero.
    try sink.write(path + (checksum.map { "\0\($0.hexadecimal)" } ?? ""))
  }

  public init(contentsOf buffer: Buffer) throws {
    guard buffer.count >= 24 else {
      throw TaskError(.corruptValue, "a written-file record of \(buffer.count) bytes is too short")
    }
    func number(_ offset: Int) -> Int64 { buffer.bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self) }
    fileByteCount = Int(number(0))
    modified = number(8)
    records = number(16) < 0 ? nil : Int(number(16))
    let texts = buffer.bytes[24...].split(separator: 0, maxSplits: 1)
    path = texts.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    checksum = texts.count < 2 ? nil : FileChecksum(hexadecimal: String(decoding: texts[1], as: UTF8.self))
  }

  public func preview(limit: Int) -> ValuePreview {
    ValuePreview(
      columns: ["path", "bytes", "records"], rows: [[path, "\(fileByteCount)", records.map { "\($0)" } ?? ""]],
      rowCount: 1,
      json: #"{"path":\#(jsonQuoted(path)),"bytes":\#(fileByteCount),"records":\#(records.map { "\($0)" } ?? "null")}"#)
  }
}

/// The XXH128 of a file's bytes, which `xxh128sum` and many libraries compute too.
public struct FileChecksum: Hashable, Sendable, CustomStringConvertible {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// - Returns: `nil` for what is not 32 hexadecimal digits.
  public init?(hexadecimal text: String) {
    guard text.utf8.count == 32, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }

  /// 32 digits, the highest first.
  public var hexadecimal: String {
    [high, low].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// With the algorithm's name: `xxh128:00112233445566778899aabbccddeeff`.
  public var description: String { "xxh128:\(hexadecimal)" }
}

/// `text` as a JSON string with its quotes.
public func jsonQuoted(_ text: String) -> String {
  var out = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": out += "\\\""
    case "\\": out += "\\\\"
    case "\n": out += "\\n"
    case "\r": out += "\\r"
    case "\t": out += "\\t"
    case _ where scalar.value < 0x20:
      let hex = String(scalar.value, radix: 16)
      out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    default: out.unicodeScalars.append(scalar)
    }
  }
  return out + "\""
}
