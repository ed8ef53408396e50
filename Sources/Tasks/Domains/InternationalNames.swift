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
  /// - Parameter name: UTF-8, without a zero.
  /// - Throws: `Problem`
  static func ascii(_ name: UnsafeBufferPointer<UInt8>) throws -> [UInt8] {
    try converted(name) { idn2_to_ascii_8z($0, $1, Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)) }
  }

  /// The form that people read: the inverse of `ascii`.
  ///
  /// - Parameter name: UTF-8, without a zero.
  /// - Throws: `Problem`
  static func unicode(_ name: UnsafeBufferPointer<UInt8>) throws -> [UInt8] {
    try converted(name) { idn2_to_unicode_8z8z($0, $1, Int32(IDN2_NONTRANSITIONAL.rawValue)) }
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
