/// A text that equals another only where its UTF-8 bytes do.
///
/// `String` takes "é" and "e\u{301}" for the same; files, JSON and Python do not. Whatever names a column, a file or
/// a category is compared by this.
struct ByteText: Hashable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (a: ByteText, b: ByteText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(text.utf8.count)
  }
}

extension Sequence<String> {
  /// The first text that stands here twice, byte by byte.
  var firstRepeated: String? {
    var seen: Set<ByteText> = []
    return first { !seen.insert(ByteText($0)).inserted }
  }

  /// Whether `text` is here, byte by byte.
  func containsBytes(of text: String) -> Bool { contains { ByteText($0) == ByteText(text) } }
}
