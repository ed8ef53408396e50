import Foundation
import Graph
import Testing

@testable import Tasks

@Suite struct TextFilesPlanTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  /// Offsets that dask 2026.8.0's `read_bytes` makes.
  @Test(arguments: [
    (10, 3, [0, 3, 6]), (10, 4, [0, 5]), (11, 4, [0, 5]), (7, 2, [0, 2, 4]), (10, 5, [0, 5]), (10, 10, [0]),
    (10, 11, [0]), (1, 1, [0]), (5, 1, [0, 1, 2, 3, 4]),
    (100, 7, [0, 7, 14, 21, 28, 35, 42, 50, 57, 64, 71, 78, 85, 92]),
    (23, 5, [0, 5, 11, 17]), (1000, 333, [0, 333, 666]),
  ])
  func blocksAreCutByDasksArithmetic(size: Int, blocksize: Int, starts: [Int]) {
    #expect(TextPiece.blockStarts(size: size, blocksize: blocksize) == starts)
  }

  @Test func partitionsAreFilesGroupsOfFilesOrBlocks() throws {
    for (name, text) in [("a.txt", "1\n2"), ("b.txt", ""), ("c.txt", "3\n4\n"), ("d.txt", "5")] {
      try folder.file(name, text)
    }
    let all = folder.path + "/*.txt"
    #expect(try TextFiles.read(all) == [["1\n", "2"], [], ["3\n", "4\n"], ["5"]])
    #expect(try TextFiles.read(all, splitting: .filesPerPartition(3)) == [["1\n", "2", "3\n", "4\n"], ["5"]])
    #expect(try TextFiles.read(all, splitting: .filesPerPartition(99)) == [["1\n", "2", "3\n", "4\n", "5"]])
    #expect(try TextFiles.read(all, splitting: .blocksize(2)) == [["1\n", "2"], ["3\n", "4\n"], [], ["5"]])
    func labels(_ splitting: TextFileSplitting) throws -> [String] {
      try TextFilePlan([all], splitting: splitting).partitions.map(\.label)
    }
    #expect(try labels(.byFile) == ["a.txt", "b.txt", "c.txt", "d.txt"])
    #expect(try labels(.filesPerPartition(3)) == ["a.txt..c.txt", "d.txt"])
    #expect(try labels(.blocksize(2)) == ["a.txt[0..<3]", "c.txt[0..<2]", "c.txt[2..<4]", "d.txt[0..<1]"])
    let blocks = try TextFilePlan([all], splitting: .blocksize(2))
    #expect(blocks.partitions.map(\.file?.name) == ["a.txt", "c.txt", "c.txt", "d.txt"])
    #expect(Set(blocks.partitions.map { blocks.identity(of: $0) }).count == 4)
    #expect(blocks.partitions.map { blocks.expectedByteCount(of: $0) } == [3, 2, 2, 1])
  }

  @Test func everyFileOfAPartitionCountsForItsIdentity() throws {
    let paths = try ["a", "b"].map { try folder.file($0, "x\n") }
    func identity(_ format: TextFileFormat = TextFileFormat()) throws -> [IdentityPart] {
      let plan = try TextFilePlan(paths, format: format, splitting: .filesPerPartition(2))
      return plan.identity(of: plan.partitions[0])
    }
    let before = try identity()
    #expect(try identity() == before)
    #expect(try identity(TextFileFormat(delimiter: "\n")) != before)
    #expect(try identity(TextFileFormat(keepsLineEnds: false)) != before)
    try folder.file("b", "xy\n")
    #expect(try identity() != before)
  }

  @Test func eachLineCanGoWithItsPath() throws {
    let paths = try ["a", "b"].map { try folder.file($0, "1\n2\n") }
    let format = TextFileFormat(keepsLineEnds: false, includesPath: true)
    let plan = try TextFilePlan(paths, format: format, splitting: .filesPerPartition(2))
    let next = plan.makePathReader(plan.partitions[0], context: TestContext())
    var lines: [TextLine] = []
    while let batch = try next() { lines += batch }
    #expect(lines == paths.flatMap { [TextLine("1", path: $0), TextLine("2", path: $0)] })
  }

  @Test func relativePathsCountFromTheWorkingFolder() throws {
    let plan = try TextFilePlan(
      ["./Package.swift"].filter { FileManager.default.fileExists(atPath: $0) } + [folder.file("a", "x")])
    #expect(
      plan.partitions.allSatisfy { $0.file?.path.hasPrefix("/") == true && $0.file?.path.contains("/./") == false })
  }

  @Test func whatCannotBeCutIsRefusedWithARemedy() throws {
    let plain = try folder.file("a.txt", "a\nb\n")
    let packed = try folder.file("a.TXT.Gz", "whatever")
    let empty = try folder.file("empty", "")
    func refusal(_ path: String, _ splitting: TextFileSplitting, _ format: TextFileFormat = TextFileFormat()) -> String
    {
      TextFiles.refusal { _ = try TextFilePlan([path], format: format, splitting: splitting) }
    }
    #expect(
      refusal(packed, .blocksize(5)).contains(
        "is compressed and can only be read from its beginning; leave blocksize out"))
    #expect(refusal(plain, .blocksize(5), TextFileFormat(compression: .zstd)).contains("is compressed"))
    #expect(refusal(plain, .blocksize(0)).contains("0 bytes are out of range"))
    #expect(refusal(plain, .filesPerPartition(0)).contains("files_per_partition"))
    #expect(refusal(empty, .blocksize(5)).contains("all files are empty"))
    #expect(
      refusal(plain, .blocksize(5), TextFileFormat(encoding: "utf-7")).contains("can only be read from its beginning"))
    let kanji = TextFileFormat(encoding: "shift_jis", delimiter: "|")
    #expect(refusal(plain, .blocksize(5), kanji).contains("may also be parts of other characters"))
    #expect(refusal(plain, .blocksize(5), TextFileFormat(encoding: "shift_jis")) == "no error")
    #expect(
      refusal(plain, .byFile, TextFileFormat(encoding: "utf-9")).contains("`iconv --list` prints the names that are"))
    #expect(refusal(plain, .byFile, TextFileFormat(encoding: "utf-8//IGNORE")).contains("is not known here"))
    #expect(
      refusal(plain, .byFile, TextFileFormat(delimiter: String(repeating: "x", count: 5000))).contains("at most 4096"))
    #expect(
      refusal(plain, .blocksize(5), TextFileFormat(encoding: "latin-1", delimiter: "€")).contains(
        "cannot be written in latin-1"))
    #expect(refusal(try folder.file("a.bz2", "x"), .byFile).contains("use .gz or .zst"))
    #expect(refusal(folder.path + "/none*", .byFile).contains("no file matches"))
  }
}
