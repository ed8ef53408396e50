import CIDN2

/// Domain names with letters beyond ASCII and their ASCII form, by IDNA 2008 and UTS 46, without its transitional mappings.
///
/// - Note: libidn2 does it.
enum InternationalNames {
  /// A name that has no other form.
  struct Problem: Error {
    /// In words.
    let why: String
  }

  /// The form in which names are looked up: `bücher.example` becomes `xn--bcher-kva.example`.
  ///
  /// - Parameter name: UTF-8.
  /// - Throws: `Problem`
  static func ascii(_ name: UnsafeBufferPointer<UInt8>) throws -> [UInt8] { try byLabel(name, asciiLabel) }

  /// The form that people read, of all names with one ASCII form the same.
  ///
  /// - Parameter name: UTF-8.
  /// - Throws: `Problem`
  static func unicode(_ name: UnsafeBufferPointer<UInt8>) throws -> [UInt8] {
    try byLabel(name) { label in
      try asciiLabel(label).withUnsafeBufferPointer { ascii in
        try converted(ascii) { idn2_to_unicode_8z8z($0, $1, Int32(IDN2_NONTRANSITIONAL.rawValue)) }
      }
    }
  }

  /// Whether a name is the same in both forms.
  static func isPlain(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
    var start = 0
    for place in 0..<name.count {
      if name[place] >= 0x80 { return false }
      if name[place] == UInt8(ascii: ".") { start = place + 1 }
      if place == start + 3, isCoded(UnsafeBufferPointer(rebasing: name[start...place])) { return false }
    }
    return true
  }

  /// Whether a label is the ASCII form of another: it begins with `xn--`.
  private static func isCoded(_ label: UnsafeBufferPointer<UInt8>) -> Bool {
    label.count >= 4 && label[0] | 0x20 == UInt8(ascii: "x") && label[1] | 0x20 == UInt8(ascii: "n")
      && label[2] == UInt8(ascii: "-") && label[3] == UInt8(ascii: "-")
  }

  private static func asciiLabel(_ label: UnsafeBufferPointer<UInt8>) throws -> [UInt8] {
    try converted(label) { idn2_to_ascii_8z($0, $1, Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)) }
  }

  /// Converts the labels that have two forms, and takes over the others: hosts have names that IDNA has no place for, such as
  /// `r3---sn`. The dots of other scripts are dots.
  private static func byLabel(
    _ name: UnsafeBufferPointer<UInt8>, _ convert: (UnsafeBufferPointer<UInt8>) throws -> [UInt8]
  ) throws -> [UInt8] {
    var text = String(decoding: name, as: UTF8.self)
    if name.contains(where: { $0 >= 0x80 }) {
      for dot in ["\u{3002}", "\u{FF0E}", "\u{FF61}"] { text = text.replacing(dot, with: ".") }
    }
    var result: [UInt8] = []
    for (number, label) in Array(text.utf8).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      .enumerated()
    {
      if number > 0 { result.append(UInt8(ascii: ".")) }
      result += try label.withUnsafeBufferPointer { isPlain($0) ? Array($0) : try convert($0) }
    }
    return result
  }

  private static func converted(
    _ name: UnsafeBufferPointer<UInt8>,
    _ convert: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) throws -> [UInt8] {
    guard !name.contains(0) else { throw Problem(why: "it holds a zero byte") }
    var text = name.map { CChar(bitPattern: $0) }
    text.append(0)
    var result: UnsafeMutablePointer<CChar>?
    let code = convert(text, &result)
    defer { idn2_free(result) }
    guard code == Int32(IDN2_OK.rawValue), let result else {
      throw Problem(why: String(cString: idn2_strerror(code)))
    }
    var bytes: [UInt8] = []
    while result[bytes.count] != 0 { bytes.append(UInt8(bitPattern: result[bytes.count])) }
    return bytes
  }
}
