/// A number of bytes, with the units people write.
public struct ByteCount: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The number itself.
  public let bytes: Int

  /// So many bytes.
  public init(_ bytes: Int) { self.bytes = bytes }

  /// So many times 1,024 bytes. Traps if that does not fit `Int`.
  public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(count << 10) }
  /// So many times 1,024² bytes. Traps if that does not fit `Int`.
  public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(count << 20) }
  /// So many times 1,024³ bytes. Traps if that does not fit `Int`.
  public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(count << 30) }

  /// Reads `256MB`, `1.5 GiB`, `64k`, `1048576`.
  ///
  /// Units are powers of 1024 whether written `MB`, `MiB` or `M`, as Dask and `ulimit` users expect of a memory bound.
  /// - Returns: `nil` if `text` is not a size, is negative, or does not fit.
  public init?(_ text: String) {
    let trimmed = text.filter { $0 != " " && $0 != "_" }
    let number = trimmed.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    var unit = trimmed.dropFirst(number.count).lowercased()
    if unit.hasSuffix("b") { unit.removeLast() }
    if unit.hasSuffix("i") { unit.removeLast() }
    let scales = ["": 0, "k": 10, "m": 20, "g": 30, "t": 40]
    guard let scale = scales[unit], let value = Double(number), value.isFinite, value >= 0 else { return nil }
    let bytes = value * Double(1 << scale)
    guard bytes < Double(Int.max) else { return nil }
    self.init(Int(bytes))
  }

  /// `512 B`, `1.5 KB`, `34.2 MB`: three significant digits, units of 1024.
  public var description: String {
    guard bytes >= 1024 || bytes <= -1024 else { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = 0
    let units = ["B", "KB", "MB", "GB", "TB", "PB"]
    while abs(value) >= 999.5, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let scaled = abs(value) >= 99.95 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
    return "\(scaled) \(units[unit])"
  }

  public static func < (a: ByteCount, b: ByteCount) -> Bool { a.bytes < b.bytes }
  /// Both together. Traps if that does not fit `Int`.
  public static func + (a: ByteCount, b: ByteCount) -> ByteCount { ByteCount(a.bytes + b.bytes) }
  /// What is left; it may be negative. Traps if that does not fit `Int`.
  public static func - (a: ByteCount, b: ByteCount) -> ByteCount { ByteCount(a.bytes - b.bytes) }
}
