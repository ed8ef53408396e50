import Foundation
import Graph
import Testing

@testable import Tasks

@Suite struct TextFilesEncodingTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private static func encoded(_ text: String, _ encoding: String, isBig: Bool = false) throws -> [UInt8] {
    let mark: [UInt8] =
      switch encoding {
      case "utf-16": isBig ? [0xFE, 0xFF] : [0xFF, 0xFE]
      case "utf-32": isBig ? [0, 0, 0xFE, 0xFF] : [0xFF, 0xFE, 0, 0]
      case "utf-8-sig": [0xEF, 0xBB, 0xBF]
      default: []
      }
    return try mark + TextEncoding(encoding).bytes(of: text, isBig: isBig, parameter: "text")
  }

  @Test(arguments: [
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf_16_be", "utf-32", "utf-32le", "utf-32-be", "latin-1", "cp1252",
    "iso8859-15", "ascii", "koi8-r", "shift_jis", "euc-jp", "gb18030", "big5", "cp037",
  ])
  func everyEncodingGivesItsTextWholeAndInBlocks(encoding: String) throws {
    var numbers = SeededNumbers(9)
    let letters: [String] =
      switch encoding {
      case "ascii", "koi8-r", "cp037": ["a", "b"]
      case "latin-1", "cp1252", "iso8859-15": ["é", "ü", "a"]
      case "shift_jis", "euc-jp", "big5": ["日", "本", "a"]
      case "gb18030": ["日", "é", "a", "😀"]
      // The bytes of U+0A0D, U+0D0A and U+0A0A are those of line ends, at other places.
      default: ["é", "😀", "\u{0A0D}", "\u{0D0A}", "\u{0A0A}", "a", "\u{2028}"]
      }
    // In EBCDIC of iconv and of Python alike, \n is 0x25 there and 0x0A elsewhere.
    for isBig in encoding == "utf-16" || encoding == "utf-32" ? [false, true] : [false] {
      for delimiter in [nil, "\n", "\r\n"] as [String?] {
        for round in 0..<6 {
          let text = TextFiles.random(letters + ["\n", "\n", "\r", "\r\n"], count: round * 4, using: &numbers)
          let path = try folder.file("x.txt", Self.encoded(text, encoding, isBig: isBig))
          let format = TextFileFormat(encoding: encoding, delimiter: delimiter)
          let expected = TextFiles.reference(Array(text.utf8), delimiter: delimiter)
          let whole = try TextFiles.read(path, format: format)
          #expect(whole.flatMap { $0 }.map { Array($0.utf8) } == expected, "\(text.debugDescription)")
          for size in [1, 2, 3, 4, 5, 7, 13] where FileManager.default.contents(atPath: path)?.isEmpty == false {
            let blocks = try TextFiles.read(path, format: format, splitting: .blocksize(size))
            #expect(blocks.flatMap { $0 }.map { Array($0.utf8) } == expected, "\(size) \(text.debugDescription)")
          }
        }
      }
    }
  }

  @Test func byteOrderMarksAreAsInPython() throws {
    func read(_ bytes: [UInt8], _ encoding: String) throws -> String {
      try TextFiles.read(folder.file("x", bytes), format: TextFileFormat(encoding: encoding)).joined().joined()
    }
    #expect(try read([0xEF, 0xBB, 0xBF, 0x61], "utf-8") == "\u{FEFF}a")
    #expect(try read([0xEF, 0xBB, 0xBF, 0x61], "utf-8-sig") == "a")
    #expect(try read([0x61, 0xEF, 0xBB, 0xBF], "utf-8-sig") == "a\u{FEFF}")
    #expect(try read([0xFF, 0xFE, 0x61, 0], "utf-16") == "a")
    #expect(try read([0xFE, 0xFF, 0, 0x61], "utf-16") == "a")
    #expect(try read([0x61, 0], "utf-16") == "a")
    #expect(try read([0xFF, 0xFE, 0x61, 0], "utf-16-le") == "\u{FEFF}a")
    #expect(try read([0xFF, 0xFE], "utf-16").isEmpty)
    #expect(try read([0xEF, 0xBB], "latin-1") == "ï»")
  }

  /// An offset and line for everyone who has to find the bytes.
  @Test func bytesThatAreNoTextAreNamedWithFileLineAndByte() throws {
    func failure(
      _ bytes: [UInt8], _ encoding: String = "utf-8", _ splitting: TextFileSplitting = .byFile
    ) throws -> TaskError? {
      let path = try folder.file("x.txt", bytes)
      let error = TextFiles.failure {
        _ = try TextFiles.read(path, format: TextFileFormat(encoding: encoding), splitting: splitting)
      }
      #expect(error?.code == .badRecord)
      #expect(error?.file == path)
      return error
    }
    let line = Array(String(repeating: "x", count: 99).utf8) + [0x0A]
    let long = [[UInt8]](repeating: line, count: 9000).joined()
    let error = try failure(long + [0x61, 0xE2, 0x82, 0x0A, 0x62])
    #expect(error?.record == "line 9001")
    #expect(
      error?.message == "at byte 900001, 0xE2 0x82 is no text in utf-8; name the file's encoding, "
        + "or let errors: replace or ignore pass over such bytes")
    #expect(try failure([0x61, 0x0A, 0x62, 0xC3])?.record == "line 2")
    let block = try failure(line + line + [0xFF], "utf-8", .blocksize(50))
    #expect(block?.message.contains("at byte 200, 0xFF") == true)
    #expect(block?.record == "line 1 of the block from byte 200 on")
    #expect(try failure([0x61, 0x0A, 0x80], "ascii")?.message.contains("at byte 2, 0x80 is no text in ascii") == true)
    #expect(try failure([0x61, 0x0A, 0x80], "ascii")?.record == "line 2")
    let half = try failure([0xFF, 0xFE, 0x61, 0x00, 0x62], "utf-16")
    #expect(half?.message.contains("at byte 4, the text ends inside a utf-16 character") == true)
    let lone = try failure([0x61, 0, 0x0A, 0, 0x00, 0xD8, 0x62, 0], "utf-16-le")
    #expect(lone?.message.contains("at byte 4, 0x00 0xD8 is no text") == true)
    #expect(lone?.record == "line 2")
  }

  /// Everything ill-formed, however the bytes arrive, against the standard library's own repair.
  @Test func repairAgreesWithTheStandardLibrary() throws {
    var numbers = SeededNumbers(21)
    let interesting: [UInt8] = [
      0x61, 0x7F, 0x80, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xA0, 0x9F, 0xED, 0xEF, 0xF0, 0x90, 0xF4, 0x8F, 0xF5, 0xFF,
    ]
    for round in 0..<300 {
      let bytes = (0..<(round % 90)).map { _ in interesting.randomElement(using: &numbers)! }
      let source = DripSource(bytes, most: 1 + round % 7, seed: UInt64(round))
      let repaired = try DripSource.all(UTF8RepairSource(source, replaces: true), room: 64 + round % 3)
      #expect(repaired == Array(String(decoding: bytes, as: UTF8.self).utf8), "\(bytes)")
      let bad = bytes.withUnsafeBufferPointer { UTF8Scan.firstIllFormed($0) }
      #expect((bad == bytes.count) == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
      #expect(String(validating: bytes[..<bad], as: UTF8.self) != nil)
    }
    for scalar in [0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF].compactMap(Unicode.Scalar.init) {
      let bytes = Array(String(scalar).utf8)
      #expect(bytes.withUnsafeBufferPointer { UTF8Scan.firstIllFormed($0) } == bytes.count)
    }
  }

  @Test(arguments: ["utf-16-le", "gb18030", "latin-1"])
  func decodingDoesNotDependOnHowTheBytesArrive(name: String) throws {
    let text = String(repeating: "aéüþÿ", count: 500) + (name == "latin-1" ? "" : "日本😀")
    let encoding = try TextEncoding(name)
    let bytes = try encoding.bytes(of: text, parameter: "text")
    for most in [1, 2, 3, 7, 5000] {
      let source = try TranscodingSource(
        DripSource(bytes, most: most, seed: 1), encoding: encoding, isBig: false, errors: .strict, offset: 0)
      #expect(try DripSource.all(source, room: 64 + most) == Array(text.utf8))
    }
  }

  @Test(arguments: [TextFileFormat.DecodingErrors.replace, .ignore])
  func badUTF16IsPassedOverByWholeUnits(errors: TextFileFormat.DecodingErrors) throws {
    // Python: b'a\0\0\xd8b\0\0\xdcc\0d'.decode('utf-16-le', errors)
    let bytes: [UInt8] = [0x61, 0, 0, 0xD8, 0x62, 0, 0, 0xDC, 0x63, 0, 0x64]
    let format = TextFileFormat(encoding: "utf-16-le", errors: errors)
    let got = try TextFiles.read(folder.file("x", bytes), format: format).joined().joined()
    #expect(got == (errors == .replace ? "a\u{FFFD}b\u{FFFD}c\u{FFFD}" : "abc"))
  }

  @Test func whatAnEncodingCannotWriteIsNamed() throws {
    let writer = try TextFileWriter(to: MemorySink(), path: "/o/x.txt", format: TextOutputFormat(encoding: "latin-1"))
    try writer.write("é")
    let error = TextFiles.failure { try writer.write("10 €") }
    #expect(error?.code == .badRecord)
    #expect(error?.file == "/o/x.txt")
    #expect(error?.record == "line 2")
    #expect(error?.message == "\"€\" (U+20AC) cannot be written in latin-1; write in utf-8")
  }

  @Test(arguments: ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "iso-2022-jp", "utf-7", "gb18030"])
  func whatIsWrittenIsReadBack(encoding: String) throws {
    let lines = encoding == "iso-2022-jp" ? ["日本", "a", "", "語"] : ["é", "", "a ü", "x"]
    for compression in [TextFileFormat.Compression.none, .gzip, .zstd] {
      let sink = MemorySink()
      let format = TextOutputFormat(compression: compression, encoding: encoding, lineTerminator: "\r\n")
      let writer = try TextFileWriter(to: sink, path: "/o/x", format: format)
      for line in lines { try writer.write(line) }
      #expect(try writer.finish() == 4)
      let back = TextFileFormat(
        compression: compression, encoding: encoding, delimiter: "\r\n", keepsLineEnds: false)
      #expect(try TextFiles.read(folder.file("x", sink.bytes), format: back) == [lines])
    }
  }
}
