import Graph

/// How text is cut into tokens before it is encoded: as Keras's `Tokenizer` does it.
public struct TokenizerSettings: Hashable, Sendable {
  /// Only ids below this are given out; `nil` for all.
  public var numWords: Int?
  /// Characters that separate words, as `split` does. Means nothing at character level, as in Keras.
  public var filters: String
  /// Whether text is lower-cased first, as by Python's `str.lower()`.
  public var lower: Bool
  /// What stands between words.
  public var split: String
  /// Whether each code point is a token.
  public var charLevel: Bool
  /// The token that stands for those that are not in the vocabulary; `nil` to leave them out.
  public var oovToken: String?

  /// What Keras filters unless told otherwise.
  public static let defaultFilters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n"

  public init(
    numWords: Int? = nil, filters: String = TokenizerSettings.defaultFilters, lower: Bool = true, split: String = " ",
    charLevel: Bool = false, oovToken: String? = nil
  ) {
    self.numWords = numWords
    self.filters = filters
    self.lower = lower
    self.split = split
    self.charLevel = charLevel
    self.oovToken = oovToken
  }
}

/// Cuts texts into tokens, one text after the other.
final class TextTokens {
  private let settings: TokenizerSettings
  /// By byte of ASCII: what stands between words. `nil` where separators are not single ASCII characters.
  private let isSeparator: [Bool]?
  private let filters: Set<Unicode.Scalar>
  private var lowered = BufferBuilder()

  init(_ settings: TokenizerSettings) {
    self.settings = settings
    filters = Set(settings.filters.unicodeScalars)
    if settings.split.utf8.count == 1, settings.filters.utf8.allSatisfy({ $0 < 0x80 }) {
      var isSeparator = [Bool](repeating: false, count: 256)
      for byte in Array(settings.filters.utf8) + Array(settings.split.utf8) { isSeparator[Int(byte)] = true }
      self.isSeparator = isSeparator
    } else {
      isSeparator = nil
    }
  }

  /// Calls `body` with each token's bytes, which last until it returns.
  func forEach(in text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void) rethrows {
    let text = settings.lower ? lower(text) : text
    if settings.charLevel { return try TextTokens.characters(text, body) }
    guard let isSeparator else { return try words(text, body) }
    var start = 0
    for place in 0...text.count where place == text.count || isSeparator[Int(text[place])] {
      if place > start { try body(UnsafeBufferPointer(rebasing: text[start..<place])) }
      start = place + 1
    }
  }

  private func lower(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    lowered.removeAll()
    if text.isASCII {
      lowered.appendDirect(most: text.count) { out in
        for place in 0..<text.count { out[place] = TextTokens.lower(ascii: text[place]) }
        return text.count
      }
    } else {
      var view = String.UnicodeScalarView()
      view.append(contentsOf: Lowercasing.lowered(Array(String(decoding: text, as: UTF8.self).unicodeScalars)))
      lowered.append(String(view))
    }
    return UnsafeBufferPointer(start: lowered.base.assumingMemoryBound(to: UInt8.self), count: lowered.count)
  }

  @inline(__always)
  static func lower(ascii byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte &+ 32 : byte }

  private static func characters(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
  ) rethrows {
    var place = 0
    while place < text.count {
      let first = text[place]
      let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
      let end = min(place + length, text.count)
      try body(UnsafeBufferPointer(rebasing: text[place..<end]))
      place = end
    }
  }

  /// Words between separators of any kind.
  private func words(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
  ) rethrows {
    let split = Array(settings.split.unicodeScalars)
    var translated: [Unicode.Scalar] = []
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if filters.contains(scalar) { translated += split } else { translated.append(scalar) }
    }
    var word = String.UnicodeScalarView()
    var place = 0
    var words: [String] = []
    while place < translated.count {
      if !split.isEmpty, translated[place...].starts(with: split) {
        if !word.isEmpty { words.append(String(word)) }
        word.removeAll()
        place += split.count
      } else {
        word.append(translated[place])
        place += 1
      }
    }
    if !word.isEmpty { words.append(String(word)) }
    for var word in words { try word.withUTF8(body) }
  }
}
