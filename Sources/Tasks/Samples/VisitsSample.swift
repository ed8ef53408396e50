import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Visits to a web site as CSV: `customer_id,timestamp,page,amount`, of any size.
///
/// Few customers and pages have most of the visits (Zipf), times go on from visit to visit through a year, and every fifth
/// visit bought something. The same arguments give the same bytes, and memory does not grow with their number.
public struct VisitsSample: Sendable {
  public let seed: UInt64
  public let items: Int
  public let files: Int
  public let customers: Int
  public let skew: Double

  private static let pages = 5000
  private static let year = 31_536_000
  /// 2024-01-01, in seconds since 1970.
  private static let start = 1_704_067_200

  /// - Parameters:
  ///   - seed: the same one gives the same bytes.
  ///   - items: visits in all, spread evenly over the files.
  ///   - files: at least 1.
  ///   - customers: how many there are, 1 to 100,000,000; not all of them need to visit.
  ///   - skew: the exponent of Zipf's law, 0 to 10; 0 makes all customers alike.
  /// - Throws: `ParameterError` for numbers that make no sense.
  public init(seed: UInt64, items: Int, files: Int, customers: Int, skew: Double) throws {
    guard items >= 0 else { throw ParameterError("items", "\(items) is less than none") }
    guard files >= 1, files <= 1_000_000 else { throw ParameterError("files", "\(files) is not between 1 and 1000000") }
    guard customers >= 1, customers <= 100_000_000 else {
      throw ParameterError("customers", "\(customers) is not between 1 and 100000000")
    }
    guard skew >= 0, skew <= 10 else { throw ParameterError("skew", "\(skew) is not between 0 and 10") }
    self.seed = seed
    self.items = items
    self.files = files
    self.customers = customers
    self.skew = skew
  }

  /// Writes `visits-000.csv` and so on into `directory`, which is made if it is missing.
  ///
  /// Each file appears under its name when it is complete.
  /// - Parameters:
  ///   - directory: where to, absolute or relative to the working folder.
  ///   - progress: gets the number of visits written so far, now and then and at the end.
  /// - Returns: the files' paths, in order.
  /// - Throws: `TaskError` with code `.cannotWrite` or `.diskFull`, or what `progress` throws.
  /// - Complexity: O(bytes); a few megabytes of memory.
  public func write(to directory: String, progress: (Int) throws -> Void = { _ in }) throws -> [String] {
    let customer = Zipf(count: customers, skew: skew)
    let page = Zipf(count: VisitsSample.pages, skew: 0.9)
    let names = (0..<VisitsSample.pages).map { Array("/\(VisitsSample.sections[$0 % 12])/\($0)".utf8) }
    let step = VisitsSample.step(of: customers)
    let sample = SampleFiles(names: SampleFiles.numbered("visits", "csv", count: files), seed: seed, items: items)
    return try sample.write(to: directory, head: "customer_id,timestamp,page,amount\n", progress: progress) {
      _, index, random, block in
      let who = 10_000_000 + customer.next(&random) * step % customers
      let when = VisitsSample.start + index * (VisitsSample.year - 3600) / max(items, 1) + random.below(3600)
      let name = names[page.next(&random)]
      let cents = random.chance(0.2) ? Int(min(random.logNormal(median: 2981, spread: 1), 9e8)) : 0
      block.appendDirect(most: 128) { start in
        var at = start
        at.put(Int64(who))
        at.put(UInt8(ascii: ","))
        CalendarText.put(timestamp: Int64(when) * 1_000_000, &at)
        at.put(UInt8(ascii: ","))
        for byte in name { at.put(byte) }
        at.put(UInt8(ascii: ","))
        at.put(Double(cents) / 100)
        at.put(UInt8(ascii: "\n"))
        return at - start
      }
    }
  }

  private static let sections = [
    "books", "music", "films", "garden", "kitchen", "tools", "toys", "shoes", "bikes", "maps", "help", "news",
  ]

  /// A number without a common divisor with `count`: its multiples go through all customers, so that those who come often
  /// are not neighbours.
  private static func step(of count: Int) -> Int {
    func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
    var step = max(count * 618 / 1000, 1)
    while divisor(step, count) != 1 { step += 1 }
    return step
  }
}

/// Numbers from 0 below `count`, the k-th as often as `(k + 1) ** -skew` says, in constant time and memory.
///
/// - Note: Source: W. Hörmann and G. Derflinger, "Rejection-Inversion to Generate Variates from Monotone Discrete
///   Distributions", 1996.
struct Zipf {
  private let count: Int
  private let skew: Double
  private let first: Double
  private let last: Double
  private let margin: Double

  init(count: Int, skew: Double) {
    self.count = count
    self.skew = skew
    first = Zipf.area(1.5, skew) - 1
    last = Zipf.area(Double(count) + 0.5, skew)
    margin = 2 - Zipf.place(Zipf.area(2.5, skew) - Zipf.height(2, skew), skew)
  }

  func next(_ random: inout SampleRandom) -> Int {
    while true {
      let area = last + random.unit() * (first - last)
      let place = Zipf.place(area, skew)
      let number = min(max(Int(place + 0.5), 1), count)
      if Double(number) - place <= margin
        || area >= Zipf.area(Double(number) + 0.5, skew) - Zipf.height(Double(number), skew)
      {
        return number - 1
      }
    }
  }

  /// The curve that the numbers' frequencies lie on.
  private static func height(_ x: Double, _ skew: Double) -> Double { exp(-skew * log(x)) }

  /// What lies under the curve, up to `x`; the same at a skew of 1 as close to it.
  private static func area(_ x: Double, _ skew: Double) -> Double {
    let power = (1 - skew) * log(x)
    return (abs(power) > 1e-8 ? expm1(power) / power : 1 + power / 2) * log(x)
  }

  /// The reverse of `area`.
  private static func place(_ area: Double, _ skew: Double) -> Double {
    let power = max(area * (1 - skew), -1)
    return exp((abs(power) > 1e-8 ? log1p(power) / power : 1 - power / 2) * area)
  }
}
