import Foundation
import TestSupport
import Testing

/// `examples/visits` in the real program: right, within little memory, and the same after a kill.
@Suite(.serialized) struct VisitsTests {
  private static let example = TestFiles.root + "/examples/visits/visits.yaml"

  private struct Customer: Equatable {
    var visits = 0
    var hundredths = 0
    var first = "9"
    var last = ""
    var pages: Set<Substring> = []
  }

  private static func sample(_ items: Int, _ customers: Int, in folder: String) throws {
    let outcome = try Program.run(
      "sample", "visits", "--items", "\(items)", "--customers", "\(customers)", "--files", "2", "--output", "data",
      in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    _ = try FileManager.default.copyItem(atPath: example, toPath: folder + "/visits.yaml")
  }

  /// What each customer's visits come to, read line by line.
  private static func expected(_ folder: String) throws -> [Substring: Customer] {
    var customers: [Substring: Customer] = [:]
    for name in ["visits-000.csv", "visits-001.csv"] {
      let lines = try TestFiles.text(folder + "/data/" + name).split(separator: "\n").dropFirst()
      for line in lines {
        let fields = line.split(separator: ",")
        var customer = customers[fields[0], default: Customer()]
        customer.visits += 1
        customer.hundredths += Int((Double(fields[3])! * 100).rounded())
        customer.first = min(customer.first, String(fields[1]))
        customer.last = max(customer.last, String(fields[1]))
        customer.pages.insert(fields[2])
        customers[fields[0]] = customer
      }
    }
    return customers
  }

  private static func run(_ folder: String, _ arguments: String...) throws -> Program.Outcome {
    try Program(["run", "visits.yaml", "--set", "output=\(folder)/out.csv"] + arguments, in: folder).wait()
  }

  @Test func everyCustomerHasTheFiguresOfTheirVisits() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(30_000, 2000, in: folder)
      let outcome = try Self.run(folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let lines = try TestFiles.text(folder + "/out.csv").split(separator: "\n")
      #expect(lines[0] == "customer_id,visits,total,first,last,pages")
      let expected = try Self.expected(folder)
      #expect(lines.count - 1 == expected.count)
      for line in lines.dropFirst() {
        let fields = line.split(separator: ",")
        let customer = try #require(expected[fields[0]])
        #expect(fields[1] == "\(customer.visits)" && fields[5] == "\(customer.pages.count)")
        #expect(Int((Double(fields[2])! * 100).rounded()) == customer.hundredths)
        #expect(fields[3] == customer.first && fields[4] == customer.last)
      }
    }
  }

  @Test func theSwiftProgramWritesTheSameFile() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(100_000, 5_000, in: folder)
      #expect(try Self.run(folder).status == 0)
      func visits(_ arguments: String...) throws -> Program.Outcome {
        try Program(arguments, in: folder, path: Program.built("VisitsExample")).wait()
      }
      try FileManager.default.removeItem(atPath: folder + "/.graphrun")
      let outcome = try visits("data/*.csv", "swift/customers.csv")
      #expect(outcome.status == 0 && outcome.output == "wrote swift/customers.csv\n", "\(outcome.errors)")
      #expect(try TestFiles.text(folder + "/swift/customers.csv") == TestFiles.text(folder + "/out.csv"))
      #expect(try visits("data/*.csv", "swift/customers.csv").output == "nothing to do\n")
      let missing = try visits("none/*.csv", "swift/customers.csv")
      #expect(missing.status == 1 && missing.errors.contains("none/*.csv"), "\(missing.errors)")
      #expect(try visits().status == 64)
    }
  }

  @Test func littleMemoryAndKillsAtRandomChangeNothing() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(1_500_000, 100_000, in: folder)
      #expect(try Self.run(folder).status == 0)
      let whole = try TestFiles.text(folder + "/out.csv")
      for name in ["out.csv", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }

      let begin = Date()
      let small = try Self.run(folder, "--memory", "96MB")
      let seconds = Date().timeIntervalSince(begin)
      #expect(small.status == 0, "\(small.errors)")
      #expect(small.peakResident <= 96 << 20, "peak \(small.peakResident >> 20) MB")
      #expect(try TestFiles.text(folder + "/out.csv") == whole)
      for name in ["out.csv", ".graphrun"] { try FileManager.default.removeItem(atPath: folder + "/" + name) }

      var kills = 0
      // Each attempt goes on where the last one was killed, so that late ones may come to the end.
      for delay in (0..<8).map({ _ in Double.random(in: 0.02...min(seconds / 2, 0.5)) }) {
        let program = try Program(
          ["run", "visits.yaml", "--set", "output=\(folder)/out.csv", "--memory", "96MB"], in: folder)
        Thread.sleep(forTimeInterval: delay)
        kill(program.process.processIdentifier, SIGKILL)
        if program.wait().status != 0 { kills += 1 }
      }
      #expect(kills > 0)
      let rest = try Program(
        ["run", "visits.yaml", "--set", "output=\(folder)/out.csv", "--memory", "96MB"], in: folder
      ).wait()
      #expect(rest.status == 0, "\(rest.errors)")
      #expect(try TestFiles.text(folder + "/out.csv") == whole)
      #expect(TestFiles.names(in: folder).filter { $0.hasPrefix("out") } == ["out.csv"])
    }
  }

  @Test func badInputIsNamedWithFileLineAndColumn() throws {
    try TestFiles.withFolder { folder in
      try Self.sample(1000, 10, in: folder)
      let path = folder + "/data/visits-001.csv"
      try TestFiles.write(try TestFiles.text(path) + "10000001,2024-01-01 00:00:00,/a,much\n", to: path)
      let outcome = try Self.run(folder)
      #expect(outcome.status != 0)
      for word in ["visits-001.csv", "line 502", "amount", "much", "float64"] {
        let all = outcome.output + outcome.errors
        #expect(all.contains(word), "\(word): \(all)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/out.csv"))
    }
  }
}
