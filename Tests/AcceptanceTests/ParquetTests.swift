import Foundation
import TestSupport
import Testing

/// Parquet by the real program, beside the libraries that others read and write it with.
@Suite struct ParquetTests {
  static let folder = (Program.path as NSString).deletingLastPathComponent
  /// `make` builds with Arrow and says so; then a library that is not there is no reason to skip a test.
  static let isThere: Bool = {
    if ProcessInfo.processInfo.environment["GRAPHRUN_PARQUET"] == "yes" { return true }
    let outcome = try? TestFiles.withFolder { try Program.run("doctor", in: $0) }
    return outcome?.output.contains(/ok +Arrow C\+\+/) == true
  }()

  @Test(.enabled(if: isThere, "built without Arrow C++: make test has it"), .timeLimit(.minutes(10)))
  func `pyarrow, pandas, Polars and DuckDB read and write what we do`() throws {
    try TestFiles.withFolder { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: TestFiles.root + "/Tests/ParquetInterop/interop")
      process.arguments = ["--program", Program.path]
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      // 2: Python or PyPI is not to be had.
      guard process.terminationStatus != 2 else {
        print("skipped: pyarrow cannot be had here: \(output.suffix(300))")
        return
      }
      #expect(process.terminationStatus == 0, "\(output.suffix(4000))")
      #expect(output.contains("files: 0 differences"))
    }
  }

  private static let pipeline = """
    tasks:
      papers:  {op: arxiv.read, with: {files: data/*}}
      written: {op: parquet.write, from: papers, with: {directory: out, name: "{stem}.parquet", row_group_rows: 500}}
    """

  @Test(.enabled(if: isThere, "built without Arrow C++: make test has it"))
  func `A killed run that is resumed writes the same bytes`() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(6000, files: 12, in: folder)
      try TestFiles.write(ParquetTests.pipeline, to: folder + "/dag.yaml")
      #expect(try Program.run("run", "dag.yaml", in: folder).status == 0)
      let whole = Pipelines.contents(of: folder + "/out")
      #expect(whole.count == 12)
      for wait: UInt32 in [20_000, 60_000, 120_000] {
        for name in ["out", ".graphrun"] { try? FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
        let killed = try Program(["run", "dag.yaml"], in: folder)
        usleep(wait)
        killed.signal(SIGKILL)
        _ = killed.wait()
        let resumed = try Program.run("resume", "dag.yaml", in: folder)
        // Killed before there was a run, there is none to resume.
        if resumed.status != 0 { #expect(try Program.run("run", "dag.yaml", in: folder).status == 0) }
        #expect(Pipelines.contents(of: folder + "/out") == whole)
      }
    }
  }

  @Test(.enabled(if: isThere, "built without Arrow C++: make test has it"))
  func `Files many times the bound are read and written within it`() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60_000, files: 4, in: folder)
      try TestFiles.write(ParquetTests.pipeline, to: folder + "/dag.yaml")
      #expect(try Program.run("run", "dag.yaml", in: folder).status == 0)
      try TestFiles.write(
        """
        tasks:
          papers: {op: parquet.read, with: {files: out, partition_size: 4MB}}
          count:  {op: bag.count, from: papers}
          again:  {op: parquet.write, from: papers, with: {directory: again, name: "{index}.parquet"}}
        """, to: folder + "/read.yaml")
      let group = try MemoryGroup(limit: 128 << 20)
      let outcome = try Program(
        ["run", "read.yaml", "--memory", "96MB", "--json"], in: folder, wrapper: group?.wrapper ?? []
      ).wait()
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.peakResident <= 128 << 20, "\(outcome.peakResident >> 20) MB")
      let count = try Program.run("result", "count", "--file", "read.yaml", in: folder)
      #expect(count.output.contains("60000"), "\(count.output)")
    }
  }

  @Test(.enabled(if: isThere, "built without Arrow C++: make test has it"))
  func `One file of many partitions is written within the bound, with the same bytes`() throws {
    try TestFiles.withFolder { folder in
      try Pipelines.sample(60_000, files: 12, in: folder)
      try TestFiles.write(
        """
        tasks:
          papers: {op: arxiv.read, with: {files: data/*}}
          whole:  {op: parquet.write, from: papers, with: {path: out/all.parquet, row_group_rows: 2000}}
        """, to: folder + "/dag.yaml")
      let small = try Program.run("run", "dag.yaml", "--memory", "128MB", in: folder)
      #expect(small.status == 0, "\(small.errors)")
      #expect(small.peakResident <= 128 << 20, "\(small.peakResident >> 20) MB")
      let bytes = Pipelines.contents(of: folder + "/out")
      #expect(bytes.count == 1)
      for name in ["out", ".graphrun"] { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
      var kills = 0
      for _ in 0..<6 {
        let killed = try Program(["run", "dag.yaml", "--memory", "1GB", "--workers", "1"], in: folder)
        Thread.sleep(forTimeInterval: Double.random(in: 0.02...0.3))
        killed.signal(SIGKILL)
        if killed.wait().status != 0 { kills += 1 }
      }
      #expect(kills > 0)
      #expect(try Program.run("run", "dag.yaml", "--memory", "1GB", in: folder).status == 0)
      #expect(Pipelines.contents(of: folder + "/out") == bytes)
      try TestFiles.write(
        """
        tasks:
          papers: {op: parquet.read, with: {files: out}}
          count:  {op: bag.count, from: papers}
        """, to: folder + "/read.yaml")
      #expect(try Program.run("run", "read.yaml", in: folder).status == 0)
      #expect(try Program.run("result", "count", "--file", "read.yaml", in: folder).output.contains("60000"))
    }
  }

  @Test func `A program without Arrow says how to get it, and lists the operations`() throws {
    try TestFiles.withFolder { folder in
      // By a program of its own: what this one opened to write, a test's child elsewhere may hold open for a moment, and
      // then nobody can run it.
      #expect(try Program.run(Program.path, folder + "/alone", in: folder, path: "/bin/cp").status == 0)
      try TestFiles.write(
        "tasks:\n  a: {op: parquet.read, with: {files: a.parquet}}\n", to: folder + "/dag.yaml")
      let outcome = try Program.run("run", "dag.yaml", in: folder, path: folder + "/alone")
      #expect(outcome.status != 0)
      #expect(outcome.errors.contains(#"dag.yaml:2:"#))
      #expect(outcome.errors.contains("this program has no Parquet: build it with \"make\""), "\(outcome.errors)")
      #expect(try Program.run("ops", "parquet.read", in: folder, path: folder + "/alone").status == 0)
      let doctor = try Program.run("doctor", in: folder, path: folder + "/alone")
      #expect(doctor.output.contains("this program has no Parquet"))
    }
  }

  /// A program that has Swift's runtime in itself must not load another one, which may not even be there.
  @Test(.enabled(if: isThere && ProcessInfo.processInfo.environment["GRAPHRUN_PROGRAM"] != nil, "make test has it"))
  func `The library wants no Swift runtime`() throws {
    let library = try #require(FileManager.default.contents(atPath: ParquetTests.folder + "/libgraphrun-arrow.so"))
    #expect(library.range(of: Data("libarrow.so".utf8)) != nil)
    #expect(library.range(of: Data("libswiftCore".utf8)) == nil)
  }
}
