import Graph

/// Numbers of Arrow's types that columns do not have, as columns have them.
struct ArrowNumbers {
  /// Whether timestamps may lose what is finer than a microsecond.
  let approximate: Bool

  /// - Parameters:
  ///   - base: where the array's values begin.
  ///   - start: the first value that counts.
  /// - Throws: `ArrowValueError` for a value that does not fit.
  func converted(
    _ base: UnsafeRawPointer, from start: Int, count: Int, _ decoding: ArrowDecoding, isNull: (Int) -> Bool
  ) throws -> Buffer {
    func values<T>(_ type: T.Type) -> UnsafePointer<T> { base.assumingMemoryBound(to: type) + start }
    switch decoding {
    case .integers(.uint8): return map(values(UInt8.self), count) { Int32($0) }
    case .integers(.int16): return map(values(Int16.self), count) { Int32($0) }
    case .integers(.uint16): return map(values(UInt16.self), count) { Int32($0) }
    case .integers(.uint32): return map(values(UInt32.self), count) { Int64($0) }
    case .integers(.uint64):
      return try checked(values(UInt64.self), count, isNull, "beyond 2⁶³ - 1, the greatest int64") {
        Int64(exactly: $0)
      }
    case .halves: return map(values(UInt16.self), count, ArrowNumbers.float(half:))
    case .milliseconds:
      return try checked(values(Int64.self), count, isNull, "beyond the days that a date can have") {
        Int32(exactly: $0 / 86_400_000 - ($0 % 86_400_000 < 0 ? 1 : 0))
      }
    case .timestamps(.seconds): return try scaled(values(Int64.self), count, isNull, by: 1_000_000)
    case .timestamps(.milliseconds): return try scaled(values(Int64.self), count, isNull, by: 1000)
    case .timestamps(.nanoseconds):
      if approximate { return map(values(Int64.self), count) { $0 >= 0 ? $0 / 1000 : ~(~$0 / 1000) } }
      return try checked(
        values(Int64.self), count, isNull,
        "finer than a microsecond, and timestamps are of microseconds; cut them down with approximate: true"
      ) { $0 % 1000 == 0 ? $0 / 1000 : nil }
    case .decimals(let bytes, let scale): return decimals(base, start, count, bytes: bytes, scale: scale)
    default: preconditionFailure("\(decoding) is no number")
    }
  }

  /// The numbers of a dictionary's cells.
  static func indices(_ base: UnsafeRawPointer, from start: Int, count: Int, _ type: ArrowInteger) throws -> [Int] {
    func all<T: FixedWidthInteger>(_ type: T.Type) -> [Int] {
      let values = base.assumingMemoryBound(to: type) + start
      return (0..<count).map { Int(truncatingIfNeeded: values[$0]) }
    }
    switch type {
    case .int8: return all(Int8.self)
    case .uint8: return all(UInt8.self)
    case .int16: return all(Int16.self)
    case .uint16: return all(UInt16.self)
    case .int32: return all(Int32.self)
    case .uint32: return all(UInt32.self)
    case .int64: return all(Int64.self)
    case .uint64: return all(UInt64.self)
    }
  }

  @inline(__always)
  private func map<T, U: BitwiseCopyable>(
    _ values: UnsafePointer<T>, _ count: Int, _ change: (T) -> U
  ) -> Buffer {
    var out = BufferBuilder(capacity: count * MemoryLayout<U>.stride)
    out.appendDirect(most: count * MemoryLayout<U>.stride) { place in
      place.withMemoryRebound(to: U.self, capacity: count) { for row in 0..<count { $0[row] = change(values[row]) } }
      return count * MemoryLayout<U>.stride
    }
    return out.finish()
  }

  @inline(__always)
  private func checked<T: BinaryInteger, U: BitwiseCopyable & FixedWidthInteger>(
    _ values: UnsafePointer<T>, _ count: Int, _ isNull: (Int) -> Bool, _ what: String, _ change: (T) -> U?
  ) throws -> Buffer {
    var out = BufferBuilder(capacity: count * MemoryLayout<U>.stride)
    var bad: Int?
    out.appendDirect(most: count * MemoryLayout<U>.stride) { place in
      place.withMemoryRebound(to: U.self, capacity: count) {
        for row in 0..<count {
          if let value = change(values[row]) {
            $0[row] = value
          } else if isNull(row) {
            $0[row] = U.zero
          } else {
            bad = row
            break
          }
        }
      }
      return count * MemoryLayout<U>.stride
    }
    if let bad { throw ArrowValueError(row: bad, why: "\(values[bad]) is \(what)") }
    return out.finish()
  }

  private func scaled(
    _ values: UnsafePointer<Int64>, _ count: Int, _ isNull: (Int) -> Bool, by factor: Int64
  ) throws -> Buffer {
    try checked(values, count, isNull, "beyond what a timestamp of microseconds can be") {
      let (product, overflows) = $0.multipliedReportingOverflow(by: factor)
      return overflows ? nil : product
    }
  }

  /// Whole numbers of 4, 8 or 16 bytes over a power of ten, rounded once.
  private func decimals(_ base: UnsafeRawPointer, _ start: Int, _ count: Int, bytes: Int, scale: Int) -> Buffer {
    var out = BufferBuilder(capacity: count * 8)
    // What both hold exactly, a division rounds once.
    let power: Double? = (0...22).contains(scale) ? (0..<scale).reduce(1) { result, _ in result * 10 } : nil
    for row in start..<(start + count) {
      let place = base + row * bytes
      let value: Int128 =
        switch bytes {
        case 4: Int128(place.load(as: Int32.self))
        case 8: Int128(place.load(as: Int64.self))
        default:
          Int128(place.load(fromByteOffset: 8, as: Int64.self)) << 64 | Int128(place.load(as: UInt64.self))
        }
      if let power, value.magnitude <= 1 << 53 {
        out.append(Double(value) / power)
      } else {
        out.append(Double("\(value)e\(-scale)") ?? .nan)
      }
    }
    return out.finish()
  }

  private static func float(half: UInt16) -> Float {
    let sign: Float = half & 0x8000 == 0 ? 1 : -1
    let (exponent, fraction) = (Int(half >> 10) & 31, Float(half & 1023))
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    let unit = Float(sign: .plus, exponent: max(exponent, 1) - 25, significand: 1)
    return sign * (exponent == 0 ? fraction : fraction + 1024) * unit
  }
}
