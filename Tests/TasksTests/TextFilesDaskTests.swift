import Foundation
import Graph
import Testing

@testable import Tasks

/// What dask 2026.8.0 (fsspec 2026.9.0, Python 3.11) reads and writes.
///
/// Where Dask's ways with and without blocksize disagree, this follows the one without; those cases are at the end.
@Suite struct TextFilesDaskTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private struct Case {
    let text: String
    let delimiter: String?
    let blocksize: Int?
    let partitions: [[String]]

    init(_ text: String, _ delimiter: String?, _ blocksize: Int?, _ partitions: [[String]]) {
      self.text = text
      self.delimiter = delimiter
      self.blocksize = blocksize
      self.partitions = partitions
    }
  }

  private func check(_ cases: [Case]) throws {
    for one in cases {
      let path = try folder.file("x.txt", one.text)
      let got = try TextFiles.read(
        path, format: TextFileFormat(delimiter: one.delimiter),
        splitting: one.blocksize.map { .blocksize($0) } ?? .byFile)
      let bytes = { (partitions: [[String]]) in partitions.map { $0.map { Array($0.utf8) } } }
      #expect(bytes(got) == bytes(one.partitions), "\(one)")
    }
  }

  static let mixed = "a\nb\r\nc\rd\n\re"

  @Test func linesAndPartitionsAreDasks() throws {
    let text = TextFilesDaskTests.mixed
    let universal = ["a\n", "b\n", "c\n", "d\n", "\n", "e"]
    try check([
      Case(text, nil, nil, [universal]),
      Case(text, nil, 100, [universal]),
      Case(text, nil, 3, [["a\n", "b\n"], ["c\n", "d\n"], ["\n", "e"]]),
      Case(text, nil, 1, [["a\n"], ["b\n"], [], [], ["c\n", "d\n"], [], [], [], ["\n", "e"], [], []]),
      Case(text, "", nil, [["a\n", "b\r\n", "c\r", "d\n", "\r", "e"]]),
      Case(text, "\n", nil, [["a\n", "b\r\n", "c\rd\n", "\re"]]),
      Case(text, "\n", 3, [["a\n", "b\r\n"], ["c\rd\n"], ["\re"]]),
      Case(text, "\n", 1, [["a\n"], ["b\r\n"], [], [], ["c\rd\n"], [], [], [], ["\re"], [], []]),
      Case(text, "\r", nil, [["a\nb\r", "\nc\r", "d\n\r", "e"]]),
      Case(text, "\r\n", nil, [["a\nb\r\n", "c\rd\n\re"]]),
      Case("a||b||", "||", 100, [["a||", "b||"]]),
      Case("a||b||", "||", 2, [["a||", "b||"], [], []]),
      Case("a||b||", "||", 1, [["a||"], ["b||"], [], [], [], []]),
      Case("a||b||c", "||", nil, [["a||", "b||", "c"]]),
      Case("a||b||c", "||", 2, [["a||", "b||"], [], ["c"]]),
      Case("a|||b", "||", nil, [["a||", "|b"]]),
      Case("", nil, nil, [[]]),
      Case("a\u{2028}b\u{85}c\u{B}d\u{C}e", nil, nil, [["a\u{2028}b\u{85}c\u{B}d\u{C}e"]]),
      Case("\u{FEFF}a\nb", nil, nil, [["\u{FEFF}a\n", "b"]]),
      Case("\u{FEFF}a\nb", nil, 2, [["\u{FEFF}a\n"], [], ["b"]]),
    ])
  }

  /// `linedelimiter` of several characters in dask's own test, and with blocks.
  @Test func aDelimiterOfSeveralLinesIsFoundWhole() throws {
    let text = "abc\ndef\n123\n$$$$\ndog\ncat\nfish\n\n\r\n$$$$hello"
    let path = try folder.file("x.txt", text)
    let expected = ["abc\ndef\n123\n$$$$", "\ndog\ncat\nfish\n\n\r\n$$$$", "hello"]
    for size in [nil, 2, 7, 1000] {
      let got = try TextFiles.read(
        path, format: TextFileFormat(delimiter: "$$$$"), splitting: size.map { .blocksize($0) } ?? .byFile)
      #expect(got.flatMap { $0 } == expected)
    }
  }

  /// Where Dask loses or makes up lines; what it gives stands behind each.
  @Test func whereDaskContradictsItself() throws {
    let text = TextFilesDaskTests.mixed
    try check([
      // [["a||", "b||", ""]]: without blocksize, an empty line behind a last delimiter.
      Case("a||b||", "||", nil, [["a||", "b||"]]),
      // [["a||"], ["b"]]: a delimiter that overlaps itself loses what stands between.
      Case("a|||b", "||", 2, [["a||", "|b"], []]),
      // [["||", "||"]]: the rest is lost.
      Case("|||||", "||", 100, [["||", "||", "|"]]),
      // [["a\r\n", "b\r\r\n"], ["c\rd\r\n", "\re"], []]: io.StringIO writes every \n anew as \r\n.
      Case(text, "\r\n", 3, [["a\nb\r\n"], ["c\rd\n\re"], []]),
      // [["a\r", "b\r"], ["\r", "c\r", "d\r", "\r"], ["e"]]: and as \r.
      Case(text, "\r", 3, [["a\nb\r"], ["\nc\r", "d\n\r"], ["e"]]),
      // [["a\n", "b"], ["\r\n", "c\r"], ["d\n", "\r", "e"]]: cut anywhere.
      Case(text, "", 3, [["a\n", "b\r\n"], ["c\r", "d\n"], ["\r", "e"]]),
    ])
  }

  @Test(arguments: [
    (
      TextFileFormat.DecodingErrors.replace,
      ["a\u{FFFD}\u{FFFD}b\n", "\u{FFFD}x\u{FFFD}\n", String(repeating: "\u{FFFD}", count: 5)]
    ),
    (.ignore, ["ab\n", "x\n"]),
  ])
  func badBytesAreReplacedOrLeftOutAsInPython(errors: TextFileFormat.DecodingErrors, lines: [String]) throws {
    let bytes: [UInt8] = [
      0x61, 0xFF, 0xFE, 0x62, 0x0A, 0xE2, 0x82, 0x78, 0xF0, 0x9F, 0x98, 0x0A, 0xED, 0xA0, 0x80, 0xC0, 0x80,
    ]
    let path = try folder.file("x.txt", bytes)
    #expect(try TextFiles.read(path, format: TextFileFormat(errors: errors)) == [lines])
    for size in 1...6 {
      let blocks = try TextFiles.read(path, format: TextFileFormat(errors: errors), splitting: .blocksize(size))
      #expect(blocks.flatMap { $0 } == lines)
    }
  }

  @Test func namesAndBytesOfWrittenFilesAreDasks() throws {
    #expect(try TextFileNames.paths("/o/*.txt", count: 3) == ["/o/0.txt", "/o/1.txt", "/o/2.txt"])
    let eleven = try TextFileNames.paths("/o/*.txt", count: 11)
    #expect(eleven.first == "/o/00.txt")
    #expect(eleven.last == "/o/10.txt")
    #expect(try TextFileNames.paths("/o/dir", count: 2) == ["/o/dir/0.part", "/o/dir/1.part"])
    // build_name_function(57), (1000), (999) and (0).
    #expect(TextFileNames.padded(7, among: 58) == "07")
    #expect(TextFileNames.padded(42, among: 1001) == "0042")
    #expect(TextFileNames.padded(42, among: 1000) == "042")
    #expect(TextFileNames.padded(0, among: 1) == "0")

    func bytes(_ lines: [String], _ encoding: String = "utf-8", lastLineEnds: Bool = false) throws -> [UInt8] {
      let sink = MemorySink()
      let format = TextOutputFormat(encoding: encoding, lastLineEnds: lastLineEnds)
      let writer = try TextFileWriter(to: sink, path: "/o/x", format: format)
      for line in lines { try writer.write(line) }
      #expect(try writer.finish() == lines.count)
      return sink.bytes
    }
    #expect(try bytes(["a", "b"]) == Array("a\nb".utf8))
    #expect(try bytes(["a\n", "b"]) == Array("a\n\nb".utf8))
    #expect(try bytes([]) == [])
    #expect(try bytes(["a", "b"], lastLineEnds: true) == Array("a\nb\n".utf8))
    #expect(try bytes([], lastLineEnds: true) == [0x0A])
    #expect(try bytes(["é"], "utf-16") == [0xFF, 0xFE, 0xE9, 0x00])
    #expect(try bytes([], "utf-16") == [])
    #expect(try bytes(["é"], "utf-8-sig", lastLineEnds: true) == [0xEF, 0xBB, 0xBF, 0xC3, 0xA9, 0x0A])
    #expect(try bytes([], "utf-8-sig", lastLineEnds: true) == [0xEF, 0xBB, 0xBF, 0x0A])
  }
}
