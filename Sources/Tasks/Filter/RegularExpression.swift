import CPCRE2

/// A regular expression as Perl has them, by PCRE2 with its just-in-time compiler.
///
/// `\d`, `\w` and `\s` are ASCII; `(?i)` folds all letters of Unicode. A place in the text is enough: `^` and `$` anchor.
///
/// - Note: `@unchecked Sendable` holds because a compiled pattern is only read when it is matched, as PCRE2 promises for
///   several threads; what changes lies in each `Matcher`.
final class RegularExpression: @unchecked Sendable {
  /// Why a text is no regular expression.
  struct Problem: Error, CustomStringConvertible { let description: String }

  private let code: OpaquePointer
  let pattern: String

  /// - Throws: `Problem`
  init(_ pattern: String) throws {
    self.pattern = pattern
    var number: Int32 = 0
    var offset = 0
    var text = pattern
    let code = text.withUTF8 { bytes in
      // A matched text is not checked first: what is no UTF-8 matches nothing.
      pcre2_compile_8(
        bytes.baseAddress, bytes.count,
        UInt32(PCRE2_UTF) | UInt32(PCRE2_MATCH_INVALID_UTF) | UInt32(PCRE2_NEVER_BACKSLASH_C),
        &number, &offset, nil)
    }
    guard let code else {
      let place = String(decoding: Array(pattern.utf8).prefix(offset), as: UTF8.self).unicodeScalars.count
      throw Problem(
        description: "the regular expression is wrong at its character \(place + 1): \(RegularExpression.text(number))")
    }
    self.code = code
    // Where there is no just-in-time compiler, patterns are interpreted.
    _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
  }

  deinit { pcre2_code_free_8(code) }

  /// How many groups the pattern captures.
  var groupCount: Int {
    var count: UInt32 = 0
    pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
    return Int(count)
  }

  fileprivate static func text(_ number: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = pcre2_get_error_message_8(number, &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(Int(count), 0)), as: UTF8.self)
  }

  /// Matches texts one after the other, on one thread.
  struct Matcher: ~Copyable {
    private let expression: RegularExpression
    private let data: OpaquePointer
    private let group: Int

    /// - Parameter group: the one that `range(in:)` gives.
    init(_ expression: RegularExpression, group: Int = 0) throws {
      guard let data = pcre2_match_data_create_8(UInt32(group) + 1, nil) else {
        throw Problem(description: "there is no memory to match a regular expression")
      }
      self.expression = expression
      self.group = group
      self.data = data
    }

    deinit { pcre2_match_data_free_8(data) }

    /// - Throws: `Problem` where the pattern takes too many steps on this text.
    func matches(_ text: UnsafeBufferPointer<UInt8>) throws -> Bool {
      var empty: UInt8 = 0
      var result = withUnsafePointer(to: &empty) {
        pcre2_match_8(expression.code, text.baseAddress ?? $0, text.count, 0, 0, data, nil)
      }
      if result == PCRE2_ERROR_JIT_STACKLIMIT {
        result = pcre2_match_8(expression.code, text.baseAddress, text.count, 0, UInt32(PCRE2_NO_JIT), data, nil)
      }
      if result == PCRE2_ERROR_NOMATCH { return false }
      // 0: more groups than there is room for, which nobody asks about.
      guard result >= 0 else { throw Problem(description: RegularExpression.text(result)) }
      return true
    }

    /// Where the group's text begins and ends; `nil` where nothing is found, or nothing by this group.
    ///
    /// - Throws: as `matches`.
    func range(in text: UnsafeBufferPointer<UInt8>) throws -> Range<Int>? {
      guard try matches(text), let places = pcre2_get_ovector_pointer_8(data) else { return nil }
      let (start, end) = (places[group * 2], places[group * 2 + 1])
      // -1: the group took no part. Where \K stands in a look-ahead, the end may come before the start.
      guard start >= 0, start <= end, end <= text.count else { return nil }
      return start..<end
    }
  }
}
