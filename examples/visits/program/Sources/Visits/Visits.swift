import Foundation
import GraphRun

/// `visits.yaml` as a Swift program.
///
///     visits 'data/*.csv' out/customers.csv
@main
struct Visits {
  static func main() async {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count == 2 else {
      FileHandle.standardError.write(
        Data("usage: visits INPUT OUTPUT, as visits 'data/*.csv' out/customers.csv\n".utf8))
      exit(64)
    }
    do {
      // With a state folder a run that was killed is gone on with; `graphrun status --state .graphrun` shows how it goes.
      let options = ComputeOptions(memory: ByteCount(256 << 20), state: ".graphrun")
      let summary = try await pipeline(input: arguments.first!, output: arguments.last!).run(options)
      print(summary.outcome == .upToDate ? "nothing to do" : "wrote \(arguments.last!)")
    } catch {
      FileHandle.standardError.write(Data("visits: \(error)\n".utf8))
      exit(1)
    }
  }

  static func pipeline(input: String, output: String) throws -> Pipeline {
    var visits = Pipeline()
    try visits.add(
      "visits", "csv.read",
      with: [
        "files": .string(input), "columns": ["customer_id", "timestamp", "page", "amount"],
        "types": ["customer_id": "int64", "timestamp": "timestamp", "page": "string", "amount": "float64"],
      ])
    try visits.add(
      "customers", "group.aggregate", from: "visits",
      with: [
        "by": "customer_id",
        "columns": [
          "visits": ["count": "*"], "total": ["sum": "amount"], "first": ["min": "timestamp"],
          "last": ["max": "timestamp"], "pages": ["countDistinct": "page"],
        ],
      ])
    try visits.add("written", "csv.write", from: "customers", with: ["path": .string(output)])
    return visits
  }
}
