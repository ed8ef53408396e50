import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Gives every distinct run of bytes a number, from 0 in the order of first appearance.
///
/// Open addressing over FNV-1a; the bytes lie side by side in one buffer.
struct StringTable: ~Copyable {
  private var slots: [Int32]
  private var offsets: [Int] = [0]
  private var bytes = BufferBuilder()

  init() { slots = [Int32](repeating: -1, count: 64) }

  var count: Int { offsets.count - 1 }

  /// Bytes of memory it takes.
  var byteCount: Int { bytes.count + offsets.count * 8 + slots.count * 4 }

  /// The number of `text`, or `nil`.
  func number(of text: UnsafeBufferPointer<UInt8>) -> Int? {
    let found = slots[slot(of: text)]
    return found < 0 ? nil : Int(found)
  }

  /// The number of `text`, which is added if it is new.
  mutating func insert(_ text: UnsafeBufferPointer<UInt8>) -> Int {
    let place = slot(of: text)
    if slots[place] >= 0 { return Int(slots[place]) }
    let number = count
    slots[place] = Int32(number)
    bytes.append(UnsafeRawBufferPointer(text))
    offsets.append(bytes.count)
    if count * 2 > slots.count { grow() }
    return number
  }

  mutating func insert(_ text: String) -> Int {
    var text = text
    return text.withUTF8 { insert($0) }
  }

  subscript(number: Int) -> String { String(decoding: self.text(number), as: UTF8.self) }

  func text(_ number: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(
      start: bytes.base.assumingMemoryBound(to: UInt8.self) + offsets[number],
      count: offsets[number + 1] - offsets[number])
  }

  /// All numbers, sorted by their text's bytes, which is the order of Unicode code points.
  func sorted() -> [Int] {
    (0..<count).sorted { a, b in
      let (first, second) = (text(a), text(b))
      let order = memcmp(first.baseAddress!, second.baseAddress!, min(first.count, second.count))
      return order != 0 ? order < 0 : first.count < second.count
    }
  }

  private func slot(of text: UnsafeBufferPointer<UInt8>) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash ^= hash >> 32
    let mask = slots.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while slots[place] >= 0 {
      let other = self.text(Int(slots[place]))
      if other.count == text.count,
        text.count == 0 || memcmp(other.baseAddress!, text.baseAddress!, text.count) == 0
      {
        return place
      }
      place = (place + 1) & mask
    }
    return place
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: slots.count * 2)
    for number in 0..<count { slots[slot(of: text(number))] = Int32(number) }
  }
}
