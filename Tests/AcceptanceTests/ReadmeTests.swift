import Foundation
import TestSupport
import Testing

/// The README's Swift program is one that runs.
@Suite struct ReadmeTests {
  @Test func theSwiftExampleIsTheProgramThatIsTested() throws {
    let readme = try TestFiles.text(TestFiles.root + "/README.md")
    let blocks = readme.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```\n")[0]
    }
    let program = try TestFiles.text(TestFiles.root + "/Tests/ReadmeExample/main.swift")
    #expect(blocks.contains(program), "README.md does not show Tests/ReadmeExample/main.swift as it is")
    #expect(program.components(separatedBy: "\n").dropLast().count <= 20)
  }

  @Test func theSwiftExampleAddsUpVisits() throws {
    try TestFiles.withFolder { folder in
      var totals: [String: Double] = [:]
      for file in 0..<3 {
        var lines = ""
        for visit in 0..<1000 {
          let customer = "c\((file * 7 + visit * visit) % 41)"
          let amount = Double(visit % 9 - 2) / 4
          lines += #"{"customer": "\#(customer)", "amount": \#(amount)}"# + "\n"
          if amount > 0 { totals[customer, default: 0] += amount }
        }
        try TestFiles.write(lines, to: "\(folder)/visits/\(file).jsonl")
      }
      let most = totals.values.max()!
      let best = totals.filter { $0.value == most }.map(\.key)
      try #require(best.count == 1, "one customer is to be the best")
      let expected = "\(best[0]) spent \(most); the totals are in 8 files\n"
      #expect(try run(in: folder) == expected)
      #expect(try written(in: folder) == totals)
      // The second run finds what the first has left, and writes only what is not there any more.
      let first = try times(in: folder)
      try FileManager.default.removeItem(atPath: folder + "/totals/3.jsonl")
      #expect(try run(in: folder) == expected)
      #expect(try written(in: folder) == totals)
      let second = try times(in: folder)
      #expect(first.keys.filter { first[$0] != second[$0] } == ["3.jsonl"])
    }
  }

  private func run(in folder: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Products.folder + "/ReadmeExample")
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
    return text
  }

  /// When each file of totals was written.
  private func times(in folder: String) throws -> [String: Date] {
    var times: [String: Date] = [:]
    for file in TestFiles.names(in: folder + "/totals") {
      times[file] =
        try FileManager.default.attributesOfItem(atPath: "\(folder)/totals/\(file)")[.modificationDate] as? Date
    }
    return times
  }

  private struct Total: Decodable {
    var key: String
    var value: Double
  }

  private func written(in folder: String) throws -> [String: Double] {
    var totals: [String: Double] = [:]
    for file in TestFiles.names(in: folder + "/totals") {
      for line in try TestFiles.text("\(folder)/totals/\(file)").split(separator: "\n") {
        let total = try JSONDecoder().decode(Total.self, from: Data(line.utf8))
        #expect(totals.updateValue(total.value, forKey: total.key) == nil, "each customer is written once")
      }
    }
    return totals
  }
}
