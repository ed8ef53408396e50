import Foundation
import Graph
import Testing

@testable import Tasks

/// Files that are compressed with gzip or zstd.
@Suite struct TextFilesPackedTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  typealias Compression = TextFileFormat.Compression

  static let kinds: [Compression] = [.gzip, .zstd]

  /// One member or frame.
  private static func packed(_ bytes: [UInt8], _ kind: Compression) throws -> [UInt8] {
    let sink = MemorySink()
    let packer: any FinishingSink = kind == .gzip ? try GzipSink(sink, path: "x") : try ZstdSink(sink, path: "x")
    try bytes.withUnsafeBytes { try packer.write($0) }
    try packer.finish()
    return sink.bytes
  }

  private func read(_ bytes: [UInt8], _ kind: Compression, _ format: TextFileFormat = TextFileFormat()) throws -> String
  {
    var format = format
    format.compression = kind
    return try TextFiles.read(folder.file("x", bytes), format: format).joined().joined()
  }

  /// Made by Python 3.11's gzip.compress(b"a\nb\n", mtime=0) and by zstandard 0.25.0.
  @Test func filesOfOtherMakersAreRead() throws {
    let gzip: [UInt8] = [
      0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0x02, 0x03, 0x4B, 0xE4, 0x4A, 0xE2, 0x02, 0, 0x97, 0x2A, 0x57, 0x18, 0x04, 0, 0,
      0,
    ]
    let zstd: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x04, 0x21, 0, 0, 0x61, 0x0A, 0x62, 0x0A]
    // A frame that says it is to be skipped, of three bytes.
    let skipped: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
    #expect(try read(gzip + gzip, .gzip) == "a\nb\na\nb\n")
    #expect(try read(skipped + zstd + skipped + zstd, .zstd) == "a\nb\na\nb\n")
    #expect(try read(gzip + [0, 0, 0], .gzip) == "a\nb\n")
    #expect(try read([], .gzip).isEmpty)
    #expect(try read([], .zstd).isEmpty)
  }

  @Test(arguments: kinds)
  func manyMembersAreOneText(kind: Compression) throws {
    var numbers = SeededNumbers(2)
    let text = TextFiles.random(["word ", "é", "\r\n", "\n", "\r", "日本"], count: 120_000, using: &numbers)
    let bytes = Array(text.utf8)
    var file: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = min(rest.count, Int.random(in: 0...60_000, using: &numbers))
      file += try Self.packed(Array(rest.prefix(count)), kind)
      rest = rest.dropFirst(count)
    }
    let expected = TextFiles.reference(bytes, delimiter: nil)
    let path = try folder.file("x.txt." + (kind == .gzip ? "GZ" : "zst"), file)
    #expect(try TextFiles.read(path).joined().map { Array($0.utf8) } == expected)
    for most in [1, 100, 70_000] where file.count < 400_000 || most > 1 {
      let drip = DripSource(file, most: most, seed: 1)
      let source: any TextByteSource = kind == .gzip ? try GzipSource(drip, path: "x") : try ZstdSource(drip, path: "x")
      #expect(try DripSource.all(source, room: 1000) == bytes)
    }
  }

  /// Cut at every byte: an error or, at a member's end, the text up to there; never half of it in silence.
  @Test(arguments: kinds)
  func aCutOffFileIsAnErrorWhereverItIsCut(kind: Compression) throws {
    let one = try Self.packed(Array("first line\nsecond line\n".utf8), kind)
    for end in 1..<(one.count * 2) where end != one.count {
      let error = TextFiles.failure { _ = try read(Array((one + one)[..<end]), kind) }
      #expect(error?.code == .badInput, "\(end)")
      #expect(error?.message.contains("the \(kind) data is cut off") == true, "\(end) \(error?.message ?? "")")
      #expect(error?.message.contains("get the whole file") == true)
      #expect(error?.file?.hasSuffix("/x") == true)
    }
  }

  /// One bit turned anywhere: an error, or the same text where the bit means nothing.
  @Test(arguments: kinds)
  func aDamagedFileNeverGivesAnotherText(kind: Compression) throws {
    let text = (0..<200).map { "line \($0 * 7919 % 1000)\n" }.joined()
    let whole = try Self.packed(Array(text.utf8), kind)
    for place in 0..<whole.count {
      var file = whole
      file[place] ^= UInt8(1 << (place % 8))
      do {
        let got = try read(file, kind)
        #expect(got == text, "\(place)")
      } catch let error as TaskError {
        #expect(error.code == .badInput || error.code == .tooLarge || error.code == .badRecord)
        #expect(error.file?.hasSuffix("/x") == true)
      }
    }
  }

  @Test(arguments: kinds)
  func whatIsNotPackedOrGoesOnUnpackedIsNamed(kind: Compression) throws {
    let plain = TextFiles.failure { _ = try read(Array("plain text that is long enough\n".utf8), kind) }
    #expect(plain?.message.contains("the file is no \(kind) data; if it is plain text, say compression: none") == true)
    let one = try Self.packed(Array("a\n".utf8), kind)
    let behind = TextFiles.failure { _ = try read(one + Array("plain text behind it\n".utf8), kind) }
    #expect(behind?.message.contains("the \(kind) data is damaged after 2 bytes of text") == true)
  }

  @Test func badTextInAPackedFileIsNamedByItsPlaceInTheText() throws {
    let file = try Self.packed([0x61, 0x0A, 0xFF], .gzip)
    let error = TextFiles.failure { _ = try read(file, .gzip) }
    #expect(error?.message.contains("at byte 2 of the unpacked text, 0xFF is no text in utf-8") == true)
    #expect(error?.record == "line 2")
    let marked = try Self.packed([0xFF, 0xFE, 0x61, 0, 0x0A, 0, 0, 0xDC], .zstd)
    let wide = TextFiles.failure { _ = try read(marked, .zstd, TextFileFormat(encoding: "utf-16")) }
    #expect(wide?.message.contains("at byte 6 of the unpacked text") == true)
  }

  @Test(arguments: kinds)
  func theSameLinesGiveTheSameBytesHoweverTheyCome(kind: Compression) throws {
    let lines = (0..<60_000).map { "line \($0 * 7919 % 100_003)" }
    func bytes() throws -> [UInt8] {
      let sink = MemorySink()
      let writer = try TextFileWriter(to: sink, path: "/o/x", format: TextOutputFormat(compression: kind))
      for line in lines { try writer.write(line) }
      _ = try writer.finish()
      return sink.bytes
    }
    let first = try bytes()
    #expect(try bytes() == first)
    if kind == .gzip { #expect(Array(first[..<10]) == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]) }
    #expect(first.count < lines.count * 5)
    #expect(try read(first, kind) == lines.joined(separator: "\n"))
  }

  @Test(arguments: [
    ("/o/x.gz", [UInt8(0x1F), 0x8B]), ("/o/x.ZST", [0x28, 0xB5]), ("/o/x.zstd", [0x28, 0xB5]), ("/o/gz", []),
  ])
  func theNameSaysHowAFileIsPacked(path: String, magic: [UInt8]) throws {
    let sink = MemorySink()
    _ = try TextFileWriter(to: sink, path: path).finish()
    #expect(Array(sink.bytes.prefix(2)) == magic)
    #expect(throws: ParameterError.self) { try TextFileWriter(to: sink, path: "/o/x.bz2") }
  }
}
