import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An encoding that was looked up: what iconv calls it, and what may be done with its bytes unread.
struct TextEncoding: Hashable, Sendable {
  enum Form: Hashable, Sendable {
    case utf8
    /// UTF-8 whose first character may be a byte order mark that is no text.
    case utf8WithMark
    /// UTF-16 or UTF-32: a code unit is so many bytes. `isBig` is `nil` where the mark says it.
    case wide(unit: Int, isBig: Bool?)
    /// One byte a character.
    case single
    /// ASCII in bytes below 0x80, of which those below `alone` are never part of a longer character.
    case multiByte(alone: UInt8)
    /// Nothing can be said from the middle of a file.
    case opaque
  }

  /// As the user wrote it.
  let name: String
  /// As iconv knows it.
  let iconvName: String
  let form: Form

  var isUTF8: Bool { form == .utf8 || form == .utf8WithMark }

  /// Bytes that go together at least.
  var unit: Int { if case .wide(let unit, _) = form { unit } else { 1 } }

  /// - Throws: `ParameterError` for a name that nobody knows.
  init(_ name: String, parameter: String = "encoding") throws {
    self.name = name
    let plain = name.lowercased().replacing("_", with: "-")
    if let known = TextEncoding.unicode[plain] {
      (iconvName, form) = known
      return
    }
    let candidates = [TextEncoding.pythonNames[plain], name, plain].compactMap { $0 }
    guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0),
      let found = candidates.first(where: { TextEncoding.isKnown($0) })
    else {
      throw ParameterError(
        parameter, "the encoding \"\(name)\" is not known here; `iconv --list` prints the names that are")
    }
    iconvName = found
    form = try TextEncoding.form(of: found)
  }

  private static let unicode: [String: (String, Form)] = [
    "utf-8": ("UTF-8", .utf8), "utf8": ("UTF-8", .utf8), "u8": ("UTF-8", .utf8), "utf": ("UTF-8", .utf8),
    "cp65001": ("UTF-8", .utf8), "utf-8-sig": ("UTF-8", .utf8WithMark),
    "utf-16": ("UTF-16", .wide(unit: 2, isBig: nil)), "utf16": ("UTF-16", .wide(unit: 2, isBig: nil)),
    "u16": ("UTF-16", .wide(unit: 2, isBig: nil)),
    "utf-16-le": ("UTF-16LE", .wide(unit: 2, isBig: false)), "utf-16le": ("UTF-16LE", .wide(unit: 2, isBig: false)),
    "utf-16-be": ("UTF-16BE", .wide(unit: 2, isBig: true)), "utf-16be": ("UTF-16BE", .wide(unit: 2, isBig: true)),
    "utf-32": ("UTF-32", .wide(unit: 4, isBig: nil)), "utf32": ("UTF-32", .wide(unit: 4, isBig: nil)),
    "u32": ("UTF-32", .wide(unit: 4, isBig: nil)),
    "utf-32-le": ("UTF-32LE", .wide(unit: 4, isBig: false)), "utf-32le": ("UTF-32LE", .wide(unit: 4, isBig: false)),
    "utf-32-be": ("UTF-32BE", .wide(unit: 4, isBig: true)), "utf-32be": ("UTF-32BE", .wide(unit: 4, isBig: true)),
  ]

  /// Names of Python's that iconv does not know.
  private static let pythonNames: [String: String] = [
    "latin-1": "ISO-8859-1", "latin": "ISO-8859-1", "iso8859-1": "ISO-8859-1", "8859": "ISO-8859-1",
    "ascii": "US-ASCII", "646": "US-ASCII", "mac-roman": "MACINTOSH", "macroman": "MACINTOSH",
    "shift-jis": "SHIFT_JIS", "sjis": "SHIFT_JIS", "s-jis": "SHIFT_JIS", "ms932": "CP932", "ms936": "CP936",
    "windows-31j": "CP932",
  ]

  private static func isKnown(_ name: String) -> Bool {
    guard let converter = iconv_open("UTF-8", name), Int(bitPattern: converter) != -1 else { return false }
    iconv_close(converter)
    return true
  }

  /// Which ASCII bytes may turn up inside longer characters is nothing that iconv tells; these are known for it.
  private static let multiByteFamilies: [(prefix: String, alone: UInt8)] = [
    ("EUC", 0x80), ("GB2312", 0x80), ("GB", 0x30), ("CP936", 0x30), ("SHIFT", 0x30), ("SJIS", 0x30), ("CP932", 0x30),
    ("BIG5", 0x30), ("BIG-5", 0x30), ("CP950", 0x30), ("CP949", 0x30), ("UHC", 0x30), ("JOHAB", 0x30),
  ]

  private static func form(of name: String) throws -> Form {
    let converter = try Iconv(to: "UTF-8", from: name)
    if (0...255).allSatisfy({ converter.isWholeCharacter(UInt8($0)) }) { return .single }
    let upper = name.uppercased()
    return multiByteFamilies.first { upper.hasPrefix($0.prefix) }.map { .multiByte(alone: $0.alone) } ?? .opaque
  }

  /// `text` in this encoding, without a byte order mark; `isBig` settles what the mark would.
  ///
  /// - Throws: `ParameterError` where the encoding cannot write it.
  func bytes(of text: String, isBig: Bool = false, parameter: String) throws -> [UInt8] {
    if isUTF8 { return Array(text.utf8) }
    let encoder = try Iconv(to: iconvName(isBig: isBig), from: "UTF-8")
    guard let bytes = encoder.converted(Array(text.utf8)) else {
      throw ParameterError(parameter, "\(jsonQuoted(text)) cannot be written in \(name); use another encoding")
    }
    return bytes
  }

  /// What iconv calls it once the byte order is known.
  func iconvName(isBig: Bool) -> String {
    guard case .wide(let unit, nil) = form else { return iconvName }
    return "UTF-\(unit * 8)" + (isBig ? "BE" : "LE")
  }

  /// Looks for a byte order mark at the beginning of a file.
  ///
  /// - Returns: the mark's length, 0 without or where it counts as text, and the byte order.
  func mark(in head: UnsafeRawBufferPointer) -> (length: Int, isBig: Bool) {
    switch form {
    case .utf8WithMark: return (head.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, false)
    case .wide(2, nil):
      if head.starts(with: [0xFE, 0xFF]) { return (2, true) }
      return (head.starts(with: [0xFF, 0xFE]) ? 2 : 0, false)
    case .wide(4, nil):
      if head.starts(with: [0, 0, 0xFE, 0xFF]) { return (4, true) }
      return (head.starts(with: [0xFF, 0xFE, 0, 0]) ? 4 : 0, false)
    case .wide(_, let isBig): return (0, isBig ?? false)
    case .utf8, .single, .multiByte, .opaque: return (0, false)
    }
  }

  /// Why a file in this encoding cannot be cut at `delimiter`; `nil` if it can.
  func objectionToBlocks(at delimiter: String) -> String? {
    switch form {
    case .utf8, .utf8WithMark, .wide, .single: return nil
    case .multiByte(let alone) where delimiter.utf8.allSatisfy { $0 < alone }: return nil
    case .multiByte:
      return "in \(name), the bytes of \(jsonQuoted(delimiter)) may also be parts of other characters"
    case .opaque: return "text in \(name) can only be read from its beginning"
    }
  }
}
