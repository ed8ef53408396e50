/// Finds e-mail addresses in UTF-8 text.
///
/// An address is a local part of ASCII letters, digits and `._%+-` that neither begins nor ends with a dot, an "@", and
/// a domain: labels of letters, digits and inner hyphens joined by dots, two or more, the last of letters only. That is
/// what people write and mail programs link; the quoted local parts and address literals of RFC 5322, and domains that
/// are not ASCII, are not found. A dot that ends a sentence is not part of the address before it.
struct AddressScanner {
  struct Address: Equatable {
    var start: Int
    /// Where the "@" stands.
    var at: Int
    var end: Int
  }

  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0

  /// The text must outlive the scanner.
  init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

  /// The next address, from left to right.
  /// - Complexity: O(n) for all of a text of n bytes.
  mutating func next() -> Address? {
    // No local part reaches back behind this: what lies there belongs to no address, or to the one before.
    var lowest = position
    while position < text.count {
      defer { position += 1 }
      guard text[position] == UInt8(ascii: "@") else { continue }
      if let address = address(at: position, from: lowest) {
        position = address.end - 1
        return address
      }
      lowest = position + 1
    }
    return nil
  }

  private func address(at: Int, from lowest: Int) -> Address? {
    var start = at
    while start > lowest, AddressScanner.isLocal(text[start - 1]) { start -= 1 }
    while start < at, text[start] == UInt8(ascii: ".") { start += 1 }
    guard start < at, text[at - 1] != UInt8(ascii: "."), let end = domainEnd(from: at + 1) else { return nil }
    return Address(start: start, at: at, end: end)
  }

  /// The end of the longest domain; `nil` where none stands.
  private func domainEnd(from start: Int) -> Int? {
    var end: Int?
    var labels = 0
    var label = start
    while true {
      var next = label
      while next < text.count, AddressScanner.isLetterOrDigit(text[next]) || text[next] == UInt8(ascii: "-") {
        next += 1
      }
      var last = next
      while last > label, text[last - 1] == UInt8(ascii: "-") { last -= 1 }
      guard last > label, text[label] != UInt8(ascii: "-") else { return end }
      labels += 1
      if labels > 1, last - label > 1, text[label..<last].allSatisfy(AddressScanner.isLetter) { end = last }
      guard last == next, next < text.count, text[next] == UInt8(ascii: ".") else { return end }
      label = next + 1
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isLocal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "%"), UInt8(ascii: "+"), UInt8(ascii: "-"): true
    default: isLetterOrDigit(byte)
    }
  }
}
