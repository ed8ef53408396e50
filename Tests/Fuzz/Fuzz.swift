import Foundation

/// What reads bytes that anybody may have written. It must answer, whatever they are: a crash or an endless loop in
/// `run` is a finding, and so is what `run` itself finds wrong with the answer.
struct FuzzTarget: Sendable {
  let name: String
  /// Ends the process, by a failed precondition, where an answer is wrong.
  let run: @Sendable (UnsafeRawBufferPointer) -> Void

  static let all = [FuzzTarget.dagFile, FuzzTarget.csv]

  /// - Returns: the target of that name; without one the process ends.
  static func named(_ name: String?) -> FuzzTarget {
    if let target = all.first(where: { $0.name == name }) { return target }
    fail("fuzz: there is no target \(name ?? "(none named)"); there are \(all.map(\.name).joined(separator: ", "))")
  }
}

/// `fuzz TARGET FILE…` reads each file once: what a finding is repeated with.
@main
enum Fuzz {
  static func main() {
    let target = FuzzTarget.named(CommandLine.arguments.dropFirst().first)
    let paths = CommandLine.arguments.dropFirst(2)
    for path in paths {
      guard let data = FileManager.default.contents(atPath: path) else { fail("fuzz: cannot read \(path)") }
      data.withUnsafeBytes { target.run($0) }
    }
    print("\(paths.count) read")
  }
}

private func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data((message + "\n").utf8))
  exit(64)
}

#if LIBFUZZER
  private let target = FuzzTarget.named(ProcessInfo.processInfo.environment["FUZZ_TARGET"])

  /// What libFuzzer's own `main` calls, which is linked in place of the one above: see the script beside this.
  @_cdecl("LLVMFuzzerTestOneInput")
  func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(UnsafeRawBufferPointer(start: data, count: size))
    return 0
  }
#endif
