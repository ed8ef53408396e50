import Foundation
import TestSupport
import Testing

/// `examples/domains` in the real program: the same bytes however it is run, within little memory, and after kills.
@Suite(.serialized) struct DomainsTests {
  private static let example = TestFiles.root + "/examples/domains/domains.yaml"

  private static func sample(_ items: Int, in folder: String) throws {
    let outcome = try Program.run(
      "sample", "domains", "--items", "\(items)", "--files", "3", "--output", "data", in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    _ = try FileManager.default.copyItem(atPath: example, toPath: folder + "/domains.yaml")
  }

  private static func run(_ folder: String, _ arguments: String...) throws -> Program.Outcome {
    try Program(["run", "domains.yaml"] + arguments, in: folder).wait()
  }

  private static func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  @Test func theBytesAreTheSameHoweverItIsCut() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(20_000, in: folder)
      #expect(try Self.run(folder).status == 0)
      let array = try Self.bytes(folder + "/out/domains.npy")
      let tokenizer = try TestFiles.text(folder + "/out/tokenizer.json")
      // One line of input is one row.
      let lines = try (0..<3).reduce(0) {
        $0 + (try Self.bytes(folder + "/data/domains-00\($1).txt").count { $0 == UInt8(ascii: "\n") })
      }
      #expect(lines == 20_000 && array.count == 128 + 20_000 * 253 * 4)
      for (number, arguments) in [["blocksize=20KB", "1"], ["blocksize=7KB", "4"]].enumerated() {
        let outcome = try Self.run(
          folder, "--set", "output=again\(number)", "--set", arguments[0], "--workers", arguments[1], "--memory", "64MB"
        )
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try Self.bytes(folder + "/again\(number)/domains.npy") == array)
        #expect(try TestFiles.text(folder + "/again\(number)/tokenizer.json") == tokenizer)
      }
      // The CSV holds the same numbers.
      #expect(try Self.run(folder, "--set", "format=csv").status == 0)
      let csv = try TestFiles.text(folder + "/out/domains.csv").split(separator: "\n")
      #expect(csv.count == 20_001 && csv[0] == "ids")
      for row in [0, 1, 777, 19_999] {
        let numbers = csv[row + 1].dropFirst().dropLast().split(separator: ",").map { Int32($0) ?? -1 }
        let own = array[(128 + row * 1012)..<(128 + (row + 1) * 1012)].withUnsafeBytes { bytes in
          (0..<253).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self) }
        }
        #expect(numbers == own)
      }
    }
  }

  @Test func littleMemoryAndKillsAtRandomChangeNothing() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(300_000, in: folder)
      let small = try Self.run(folder, "--memory", "64MB")
      #expect(small.status == 0, "\(small.errors)")
      #expect(small.peakResident <= 64 << 20, "peak \(small.peakResident >> 20) MB")
      let whole = try Self.bytes(folder + "/out/domains.npy")
      for name in ["out", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
      // Killed while the one file is being written, again and again, later and later in it.
      let aside = folder + "/out/.domains.npy.graphrun-partial"
      var kills = 0
      for attempt in 0..<6 {
        let begin = Date()
        let program = try Program(["run", "domains.yaml", "--memory", "64MB"], in: folder)
        // An earlier attempt's file lies there until this one begins to write.
        func isBeingWritten() -> Bool {
          let known = try? FileManager.default.attributesOfItem(atPath: aside)
          guard let date = known?[.modificationDate] as? Date, let size = known?[.size] as? Int else { return false }
          return date > begin && size > whole.count * attempt / 12
        }
        while program.process.isRunning, !isBeingWritten() { usleep(200) }
        kill(program.process.processIdentifier, SIGKILL)
        guard program.wait().status != 0 else {
          for name in ["out", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }
          continue
        }
        kills += 1
        #expect(!TestFiles.names(in: folder + "/out").contains("domains.npy"))
      }
      #expect(kills > 0)
      let rest = try Self.run(folder, "--memory", "64MB")
      #expect(rest.status == 0, "\(rest.errors)")
      #expect(try Self.bytes(folder + "/out/domains.npy") == whole)
      #expect(TestFiles.names(in: folder + "/out").sorted() == ["domains.npy", "tokenizer.json"])
    }
  }

  @Test func whatDoesNotFitIsNamedAndNothingIsLeftHalfWritten() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(1000, in: folder)
      let path = folder + "/data/domains-001.txt"
      let long = String(repeating: "a", count: 254)
      try TestFiles.write(long + "\n" + TestFiles.text(path), to: path)
      let outcome = try Self.run(folder)
      let all = outcome.output + outcome.errors
      #expect(outcome.status == 1)
      for word in ["1 of partition domains-001.txt", "254", "253", "truncating"] {
        #expect(all.contains(word), "\(word): \(all)")
      }
      #expect(TestFiles.names(in: folder + "/out") == ["tokenizer.json"])
    }
  }

  @Test func randomTextsAreEncodedAsByKeras() throws {
    try TestFiles.withFolder { folder in
      let outcome = try Program.run(
        "--rounds", "40", "--seed", "1", "--program", Program.path, in: folder,
        path: TestFiles.root + "/Tests/TextDifferential/differential")
      // 2: Python or PyPI is not to be had.
      guard outcome.status != 2 else {
        print("skipped: Keras's module cannot be had here: \(outcome.errors.suffix(300))")
        return
      }
      #expect(outcome.status == 0, "\(outcome.output.suffix(4000))\(outcome.errors.suffix(2000))")
      #expect(outcome.output.contains("40 rounds, 0 differences"))
    }
  }

  /// Every DAG file in docs/text.md.
  @Test func theExamplesInTheDocsRun() throws {
    let blocks = try TestFiles.text(TestFiles.root + "/docs/text.md").components(separatedBy: "```yaml\n").dropFirst()
      .map { $0.components(separatedBy: "```\n")[0] }
    #expect(blocks.count == 4)
    for block in blocks {
      try TestFiles.withFolder { folder in
        try Self.sample(300, in: folder)
        try TestFiles.write(block, to: folder + "/dag.yaml")
        let outcome = try Program.run("run", "dag.yaml", in: folder)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        if block.contains("text.decode") {
          for name in ["domains-000.txt", "domains-002.txt"] {
            #expect(try TestFiles.text(folder + "/out/" + name) == TestFiles.text(folder + "/data/" + name))
          }
        }
      }
    }
  }

  /// `examples/domains/families.yaml`: every name that is one comes out once, in one part, with its family and its ids.
  @Test func familiesBecomeTrainingData() throws {
    try TestFiles.withFolder { folder in
      let made = try Program.run("sample", "families", "--items", "5000", "--output", "families", in: folder)
      #expect(made.status == 0, "\(made.errors)")
      // One that is in two files, one that is no name, and an empty line.
      try "Twice.example\nno_name.example\n\ntwice.example\n".write(
        toFile: folder + "/families/zoo.txt", atomically: true, encoding: .utf8)
      _ = try FileManager.default.copyItem(
        atPath: TestFiles.root + "/examples/domains/families.yaml", toPath: folder + "/families.yaml")
      let outcome = try Program.run("run", "families.yaml", "--memory", "64MB", "--json", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("\"rejects\":1"), "\(outcome.output)")
      var given: Set<String> = ["twice.example"]
      for family in ["chosen", "letters", "hexadecimal", "syllables", "words"] {
        given.formUnion(try TestFiles.text(folder + "/families/\(family).txt").split(separator: "\n").map(String.init))
      }
      var seen: Set<String> = []
      var counts: [Int] = []
      for part in ["train", "validation", "test"] {
        let rows = try TestFiles.text(folder + "/out/families/\(part).csv").split(separator: "\n").dropFirst()
        counts.append(rows.count)
        let array = try Self.bytes(folder + "/out/families/\(part).npy")
        #expect(array.count == 128 + rows.count * 64)
        for (number, row) in rows.enumerated() {
          let fields = row.split(separator: ",")
          #expect(fields.count == 2 && seen.insert(String(fields[0])).inserted)
          // As many ids as it has characters.
          let own = array[(128 + number * 64)..<(128 + number * 64 + 64)]
          #expect(own.count { $0 != 0 } == fields[0].utf8.count)
        }
      }
      #expect(seen == given)
      #expect(counts[0] > 3800 && counts[1] > 350 && counts[2] > 350, "\(counts)")
      let chart = try Program.run("result", "lengths", "--file", "families.yaml", "--chart", in: folder)
      #expect(chart.status == 0 && chart.output.split(separator: "\n").count <= 21)
      let wrong = try Program.run("result", "sizes", "--file", "families.yaml", "--chart", in: folder)
      #expect(wrong.status == 64 && wrong.errors.contains("a label and a number"), "\(wrong.errors)")
    }
  }

  /// The array is written while names are still encoded: nothing that is large waits for what is small.
  @Test func writingBeginsWithTheFirstNames() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(20_000, in: folder)
      let outcome = try Program.run("plan", "domains.yaml", "--order", "--json", "--set", "blocksize=20KB", in: folder)
      struct Plan: Decodable { var order: [String] }
      let order = try JSONDecoder().decode(Plan.self, from: Data(outcome.output.utf8)).order
      let parts = order.count { $0.hasPrefix("written.parts[") }
      #expect(parts > 10)
      let first = try #require(order.firstIndex(of: "written.parts[0]"))
      let second = try #require(order.firstIndex(of: "encoded[1]"))
      let last = try #require(order.firstIndex(of: "encoded[\(parts - 1)]"))
      #expect(first < second && second < last, "\(order)")
    }
  }

  /// Names from gzip, with Windows line ends, from CSV and from Parquet give the same array.
  @Test func namesComeFromManyKindsOfFiles() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(2000, in: folder)
      #expect(try Self.run(folder).status == 0)
      let array = try Self.bytes(folder + "/out/domains.npy")
      let names = try (0..<3).map { try TestFiles.text(folder + "/data/domains-00\($0).txt") }.joined()
      try TestFiles.write("_c0\n" + names, to: folder + "/names.csv")
      try TestFiles.write("\u{FEFF}" + names.replacing("\n", with: "\r\n"), to: folder + "/windows.txt")
      try TestFiles.write(names, to: folder + "/names.txt")
      let zip = Process()
      zip.executableURL = URL(fileURLWithPath: "/bin/gzip")
      zip.arguments = [folder + "/names.txt"]
      try zip.run()
      zip.waitUntilExit()
      var cases = [
        ["input=names.txt.gz"], ["input=windows.txt", "encoding=utf-8-sig"],
        ["input=names.csv", "source=csv", "column=_c0"],
      ]
      try TestFiles.write(
        """
        version: 1
        tasks:
          names: {op: csv.read, with: {files: names.csv}}
          written: {op: parquet.write, from: names, with: {path: names.parquet}}
        """, to: folder + "/parquet.yaml")
      if try Program.run("run", "parquet.yaml", in: folder).status == 0 {
        cases.append(["input=names.parquet", "source=parquet", "column=_c0"])
      } else {
        #expect(ProcessInfo.processInfo.environment["GRAPHRUN_PARQUET"] != "yes", "Parquet cannot be written")
      }
      for settings in cases {
        let outcome = try Program(
          ["run", "domains.yaml", "--set", "output=other"] + settings.flatMap { ["--set", $0] }, in: folder
        ).wait()
        #expect(outcome.status == 0, "\(settings): \(outcome.errors)")
        #expect(try Self.bytes(folder + "/other/domains.npy") == array, "\(settings)")
      }
      // What is not whole, or not there, is named.
      let packed = try Self.bytes(folder + "/names.txt.gz")
      try packed.prefix(packed.count / 2).write(to: URL(fileURLWithPath: folder + "/cut.txt.gz"))
      let cut = try Self.run(folder, "--set", "input=cut.txt.gz")
      #expect(cut.status != 0 && cut.output.contains("cut.txt.gz") && cut.output.contains("cut off"), "\(cut.output)")
      let missing = try Self.run(folder, "--set", "input=names.csv", "--set", "source=csv", "--set", "column=c0")
      #expect(missing.errors.contains("did you mean \"_c0\"?"), "\(missing.errors)")
      #expect(try Self.bytes(folder + "/out/domains.npy") == array)
    }
  }

  /// A disk that is full at nine tenths of the array: nothing half-written is left, and with room the run goes on.
  @Test func aFullDiskLosesNothing() throws {
    #if os(Linux)
      try TestFiles.withFolder { folder in
        try Self.sample(20_000, in: folder)
        #expect(try Self.run(folder).status == 0)
        let array = try Self.bytes(folder + "/out/domains.npy")
        let disk = folder + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        guard mount("tmpfs", disk, "tmpfs", 0, "size=\(array.count * 9 / 10)") == 0 else {
          print("skipped: a small disk cannot be mounted here (\(String(cString: strerror(errno)))): it needs root")
          return
        }
        defer { umount2(disk, 2) }
        try TestFiles.write("earlier", to: disk + "/domains.npy")
        let full = try Self.run(folder, "--set", "output=disk", "--state", "st")
        #expect(full.status != 0 && full.output.contains("the disk is full"), "\(full.output)")
        #expect(try TestFiles.text(disk + "/domains.npy") == "earlier")
        #expect(TestFiles.names(in: disk).sorted() == ["domains.npy", "tokenizer.json"])
        try #require(mount("tmpfs", disk, "tmpfs", 32, "size=\(array.count * 2)") == 0)
        let rest = try Program.run(
          "resume", "domains.yaml", "--state", "st", in: folder)
        #expect(rest.status == 0, "\(rest.errors)")
        #expect(try Self.bytes(disk + "/domains.npy") == array)
      }
    #endif
  }
}
