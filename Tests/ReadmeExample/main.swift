import GraphRun

struct Visit: Codable, Sendable {
  var customer: String
  var amount: Double
}

let totals = try Bag<Visit>.readJSONLines("visits/*.jsonl", splitting: .blocksize(64 << 20))
  .filter { $0.amount > 0 }.named("paid")
  .partitioned(by: \.customer, into: 8)
  .fold(initial: 0) { $0 + $1.amount }.named("totals")
let files = try totals.toJSONLines("totals/*.jsonl")
let best = totals.max { $0.value < $1.value }.named("best")

let options = ComputeOptions(memory: .mebibytes(256), state: ".graphrun")
let (paths, customer) = try await compute(files, best, options: options)
print("\(customer.key) spent \(customer.value); the totals are in \(paths.count) files")
