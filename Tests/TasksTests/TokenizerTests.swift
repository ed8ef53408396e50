import Foundation
import Graph
import Testing

@testable import Tasks

@Suite struct TokenizerTests {
  let tokenizer = Tokenizer()

  @Test func textIsCutAtWhiteSpaceAndMarks() {
    #expect(
      tokenizer.tokens("gluon-(anti)quark, e.g. 1/2") == [
        "gluon", "-", "(", "anti", ")", "quark", ",", "e", ".", "g", ".", "1", "/", "2",
      ])
  }

  @Test func emptyAndBlankTextsGiveNothing() {
    #expect(tokenizer.tokens("") == [])
    #expect(tokenizer.tokens(" \n\t\u{3000}") == [])
  }

  @Test func whiteSpaceAmongTheMarksIsAMark() {
    #expect(Tokenizer(marks: " \u{2028}").tokens("a b\u{2028}c\u{2029}d") == ["a", " ", "b", "\u{2028}", "c", "d"])
  }

  @Test func aBackslashDoesNotSplit() {
    #expect(tokenizer.tokens(#"$\Lambda_{\alpha}$"#) == ["$", #"\Lambda"#, "_", "{", #"\alpha"#, "}", "$"])
    #expect(tokenizer.tokens(#"a\b\\c"#) == [#"a\b\\c"#])
  }

  @Test func enAndEmDashesDoNotSplit() {
    #expect(tokenizer.tokens("a–b—c d") == ["a–b—c", "d"])
  }

  @Test(arguments: Array(Tokenizer.defaultMarks.unicodeScalars.map { String($0) }))
  func everyMarkIsATokenOfItsOwn(mark: String) {
    #expect(tokenizer.tokens("ab\(mark)cd") == ["ab", mark, "cd"])
    #expect(tokenizer.tokens(mark + mark) == [mark, mark])
  }

  /// Python 3.11: [c for c in map(chr, range(0x110000)) if c.isspace()]
  static let pythonWhiteSpace: [UInt32] =
    [9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xA0, 0x1680] + Array(0x2000...0x200A)
    + [0x2028, 0x2029, 0x202F, 0x205F, 0x3000]

  @Test func exactlyPythonsWhiteSpaceSeparates() throws {
    for code in UInt32(0)...0x1_0FFFF {
      guard let scalar = Unicode.Scalar(code), !Tokenizer.defaultMarks.unicodeScalars.contains(scalar) else { continue }
      let expected = TokenizerTests.pythonWhiteSpace.contains(code) ? ["ab", "cd"] : ["ab\(scalar)cd"]
      guard code < 0x3100 || code % 97 == 0 else { continue }
      try #require(tokenizer.tokens("ab\(scalar)cd") == expected, "U+\(String(code, radix: 16))")
    }
  }

  @Test func charactersBeyondTheBasicPlaneAreLetters() {
    #expect(tokenizer.tokens("𝔤-module 量子.") == ["𝔤", "-", "module", "量子", "."])
  }

  @Test func longWordsAreCopiedWhole() {
    let word = String(repeating: "abcdefghij", count: 9)
    #expect(tokenizer.tokens(word + " " + word + "x") == [word, word + "x"])
  }

  @Test func theSetOfMarksIsAParameter() {
    let own = Tokenizer(marks: "→x")
    #expect(own.tokens("a→b, axb") == ["a", "→", "b,", "a", "x", "b"])
    #expect(Tokenizer(marks: "").tokens("a.b c") == ["a.b", "c"])
  }

  /// The definition, word for word, on Unicode scalars.
  private func naive(_ text: String) -> [String] {
    let marks = Set(Tokenizer.defaultMarks.unicodeScalars)
    var found: [String] = []
    var word = ""
    func close() {
      if !word.isEmpty { found.append(word) }
      word = ""
    }
    for scalar in text.unicodeScalars {
      if marks.contains(scalar) {
        close()
        found.append(String(scalar))
      } else if TokenizerTests.pythonWhiteSpace.contains(scalar.value) {
        close()
      } else {
        word.unicodeScalars.append(scalar)
      }
    }
    close()
    return found
  }

  @Test func randomTextsAreCutAsTheDefinitionSays() throws {
    var numbers = SeededNumbers(7)
    let pool =
      Array(
        "abcdefgh XY  \n.,-(){}\\$\"“”‘’«»½£₤¡§–—éöñ量子𝔤😀\u{A0}\u{85}\u{2009}\u{1C}\u{200B}\u{2010}\u{7F}\u{0}"
          .unicodeScalars)
    var texts: [String] = []
    for _ in 0..<3000 {
      var text = ""
      for _ in 0..<Int.random(in: 0..<120, using: &numbers) {
        if let scalar = pool.randomElement(using: &numbers) { text.unicodeScalars.append(scalar) }
      }
      try #require(tokenizer.tokens(text) == naive(text))
      texts.append(text)
    }
    // The same through a column, where reads near the buffer's end go another way.
    let table = try Ops.apply("text.tokenize", ["column": .string("t")], to: Table.strings("t", texts))
    let column = try table.column("tokens")
    for (row, text) in texts.enumerated() { try #require(column.strings(at: row) == naive(text)) }
  }

  @Test func nullTextsGiveNullListsAndTheSourceColumnCanGo() throws {
    let table = try Ops.apply(
      "text.tokenize", ["column": .string("t"), "into": .string("w"), "keep": .boolean(false)],
      to: Table.strings("t", ["a b", nil, ""]))
    #expect(table.names == ["w"])
    #expect(try Ops.jsonLines(table) == "{\"w\":[\"a\",\"b\"]}\n{\"w\":null}\n{\"w\":[]}\n")
  }

  @Test func onlyAColumnOfStringsCanBeTokenized() throws {
    let error = #expect(throws: TaskError.self) {
      try Ops.apply("text.tokenize", ["column": .string("n")], to: Table.integers("n", [1]))
    }
    #expect(error?.code == .wrongType)
    #expect(error?.message.contains("\"n\" holds int64") == true)
  }

  @Test func bytesThatAreNoUTF8DoNotLeadOutside() {
    // Leading bytes whose sequence would end behind the text.
    for bytes in [[0xE2], [0x61, 0xE2, 0x80], [0xF0, 0x9F], [0x80, 0x20, 0xC2]] as [[UInt8]] {
      var ends = [Int32](repeating: 0, count: 8)
      var out = [UInt8](repeating: 0, count: 64)
      let result = bytes.withUnsafeBufferPointer { text in
        ends.withUnsafeMutableBufferPointer { ends in
          out.withUnsafeMutableBufferPointer {
            tokenizer.tokenize(text, readable: text.count, into: $0.baseAddress!, at: 0, ends: ends.baseAddress!)
          }
        }
      }
      #expect(result.end <= bytes.count)
    }
  }
}
