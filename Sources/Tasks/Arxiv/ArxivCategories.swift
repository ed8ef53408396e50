#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// arXiv's archives and the main category each belongs to.
///
/// - Note: Source: arXiv's category taxonomy and its list of archives that were merged into others
///   (`cmp-lg` into `cs.CL`, `alg-geom` into `math.AG`, `chao-dyn` into `nlin.CD`, …).
struct ArxivCategories: Sendable {
  static let physics = "Physics"

  static let mainCategories: [(archive: String, main: String)] =
    [
      ("cs", "Computer Science"), ("econ", "Economics"), ("eess", "Electrical Engineering and Systems Science"),
      ("math", "Mathematics"), ("q-bio", "Quantitative Biology"), ("q-fin", "Quantitative Finance"),
      ("stat", "Statistics"),
      // Merged into others since.
      ("cmp-lg", "Computer Science"), ("alg-geom", "Mathematics"), ("dg-ga", "Mathematics"),
      ("funct-an", "Mathematics"), ("q-alg", "Mathematics"),
    ]
    + [
      "astro-ph", "cond-mat", "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nlin", "nucl-ex", "nucl-th",
      "physics", "quant-ph",
      // Merged into others since.
      "acc-phys", "adap-org", "ao-sci", "atom-ph", "bayes-an", "chao-dyn", "chem-ph", "comp-gas", "mtrl-th", "patt-sol",
      "plasm-ph", "solv-int", "supr-con",
    ].map { ($0, physics) }

  /// Main categories sorted by byte, so that a paper's set is a bit mask and its sorted list a walk over the bits.
  let mains: [[UInt8]]
  private let archives: [(name: [UInt8], main: Int)]

  init() {
    let mains = Set(ArxivCategories.mainCategories.map(\.main)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    self.mains = mains.map { Array($0.utf8) }
    archives = ArxivCategories.mainCategories.map { entry in
      (Array(entry.archive.utf8), mains.firstIndex(of: entry.main) ?? 0)
    }
  }

  /// The number in `mains` for a code such as `math.CO` or `hep-ph`; `nil` for an unknown archive.
  func main(ofCode code: UnsafeBufferPointer<UInt8>) -> Int? {
    var length = 0
    while length < code.count, code[length] != UInt8(ascii: ".") { length += 1 }
    guard length > 0, let base = code.baseAddress else { return nil }
    for archive in archives where archive.name.count == length {
      if archive.name.withUnsafeBufferPointer({ $0.baseAddress.map { memcmp($0, base, length) == 0 } ?? false }) {
        return archive.main
      }
    }
    return nil
  }
}
