import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An open converter of the C library's.
final class Iconv {
  enum Outcome {
    /// All input is used up.
    case done
    /// The output is full.
    case full
    /// What stands at the input's front is not valid.
    case invalid
    /// The input ends inside a character.
    case incomplete
  }

  private let converter: iconv_t

  /// - Throws: `TaskError` with code `.invalidParameter` for names that iconv does not know.
  init(to target: String, from source: String) throws {
    guard let converter = iconv_open(target, source), Int(bitPattern: converter) != -1 else {
      throw TaskError(
        .invalidParameter,
        "there is no conversion from \(source) to \(target) on this machine; `iconv --list` prints what there is",
        cause: systemMessage(errno))
    }
    self.converter = converter
  }

  deinit { iconv_close(converter) }

  /// Converts as much as fits.
  ///
  /// - Returns: why it stopped, and how many bytes were used and made.
  func convert(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> (
    outcome: Outcome, used: Int, made: Int
  ) {
    // iconv does not write to its input; the type is older than `const`.
    var from = UnsafeMutableRawPointer(mutating: input.baseAddress)?.assumingMemoryBound(to: CChar.self)
    var left = input.count
    var to = output.baseAddress?.assumingMemoryBound(to: CChar.self)
    var room = output.count
    let result = iconv(converter, &from, &left, &to, &room)
    let code = errno
    let (used, made) = (input.count - left, output.count - room)
    guard result == -1 else { return (.done, used, made) }
    switch code {
    case E2BIG: return (.full, used, made)
    case EINVAL: return (.incomplete, used, made)
    default: return (.invalid, used, made)
    }
  }

  /// Writes what the converter still holds back, or what brings the output to its first state.
  ///
  /// - Returns: how many bytes; `nil` where there is no room for them.
  func flush(into output: UnsafeMutableRawBufferPointer) -> Int? {
    var to = output.baseAddress?.assumingMemoryBound(to: CChar.self)
    var room = output.count
    guard iconv(converter, nil, nil, &to, &room) != -1 else { return nil }
    return output.count - room
  }

  /// Whether `byte` by itself is one character, or none that could begin a longer one.
  func isWholeCharacter(_ byte: UInt8) -> Bool {
    var output: (UInt64, UInt64) = (0, 0)
    return withUnsafeMutableBytes(of: &output) { output in
      withUnsafeBytes(of: byte) { input in
        _ = iconv(converter, nil, nil, nil, nil)
        let (outcome, used, made) = convert(input, into: output)
        return outcome == .invalid || (outcome == .done && used == 1 && made > 0)
      }
    }
  }

  /// All of `bytes` at once; `nil` where they cannot be converted.
  func converted(_ bytes: [UInt8]) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: bytes.count * 8 + 64)
    return bytes.withUnsafeBytes { input in
      output.withUnsafeMutableBytes { output in
        let (outcome, _, made) = convert(input, into: output)
        guard outcome == .done,
          let rest = flush(into: UnsafeMutableRawBufferPointer(rebasing: output[made...]))
        else { return nil }
        return Array(output[..<(made + rest)])
      }
    }
  }
}
