/// What RFC 1035 and RFC 1123 ask of a host's name.
enum DomainName {
  /// Bytes of a label, and of a whole name without the root's dot, at most.
  static let longestLabel = 63
  static let longestName = 253

  /// What is wrong with a name in its ASCII form; `nil` if nothing is.
  ///
  /// - Note: Source: RFC 1035, 2.3.1 and 2.3.4; RFC 1123, 2.1, which lets a label begin with a digit. 253 bytes of text take
  ///   the 255 that RFC 1035 allows in messages.
  static func problem(_ name: UnsafeBufferPointer<UInt8>) -> String? {
    if name.isEmpty { return "it is empty" }
    if name.count > longestName { return "it has \(name.count) characters, and \(longestName) are possible" }
    var start = 0
    for place in 0...name.count where place == name.count || name[place] == UInt8(ascii: ".") {
      let label = UnsafeBufferPointer(rebasing: name[start..<place])
      if label.isEmpty { return "it has an empty label at its character \(start + 1)" }
      if label.count > longestLabel {
        return "its label at character \(start + 1) has \(label.count) characters, and \(longestLabel) are possible"
      }
      if let bad = label.firstIndex(where: { !isLetterDigitOrHyphen($0) }) {
        let what = Unicode.Scalar(label[bad])
        return "a name has letters, digits and hyphens, and its character \(start + bad + 1) is "
          + (what.properties.isWhitespace || what.value < 0x20 || what.value >= 0x7F
            ? "0x" + String(what.value, radix: 16, uppercase: true) : "\"\(what)\"")
      }
      if label.first == UInt8(ascii: "-") || label.last == UInt8(ascii: "-") {
        return "its label at character \(start + 1) begins or ends with a hyphen"
      }
      start = place + 1
    }
    return nil
  }

  private static func isLetterDigitOrHyphen(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
