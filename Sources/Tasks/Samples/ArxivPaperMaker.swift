import Graph

/// Makes one paper after the other.
struct ArxivPaperMaker: ~Copyable {
  private let layout: ArxivSample.Layout
  private var words: SampleWords
  private let main: [String: String]
  private let codes: [(code: String, until: Int)]

  init(layout: ArxivSample.Layout) {
    self.layout = layout
    words = SampleWords(escapesUnicode: layout == .keyed)
    main = Dictionary(ArxivCategories.mainCategories.map { ($0.archive, $0.main) }) { first, _ in first }
    var sum = 0
    codes = ArxivPaperMaker.weights.map { code, weight in
      sum += weight
      return (code, sum)
    }
  }

  /// Roughly how often arXiv's categories are used, a thousandth each.
  private static let weights: [(String, Int)] = [
    ("hep-ph", 70), ("hep-th", 60), ("astro-ph.GA", 55), ("astro-ph.CO", 45), ("quant-ph", 65), ("gr-qc", 45),
    ("cond-mat.mtrl-sci", 50), ("cond-mat.str-el", 40), ("physics.optics", 35), ("math-ph", 30), ("nucl-th", 20),
    ("nlin.CD", 12), ("hep-ex", 25), ("math.AG", 28), ("math.CO", 32), ("math.AP", 35), ("math.PR", 30),
    ("math.NT", 25), ("cs.LG", 70), ("cs.CV", 50), ("cs.CL", 35), ("cs.IT", 25), ("cs.DS", 15), ("cs.AI", 30),
    ("stat.ML", 25), ("stat.ME", 14), ("q-bio.PE", 8), ("q-bio.NC", 8), ("q-fin.ST", 5), ("econ.EM", 5),
    ("eess.SP", 10), ("eess.IV", 8),
  ]

  private static let surnames = [
    "Andersson", "Bakker", "Çelik", "Dvořák", "Eze", "Fischer", "García", "Huang", "Ivanov", "Jóhannsson", "Kovács",
    "Li", "Müller", "Nguyễn", "O'Brien", "Petit", "Quispe", "Rossi", "Sato", "Tanaka", "Usman", "van der Berg", "Wang",
    "Xu", "Yılmaz", "Zhang", "Łukasik", "Østby",
  ]

  mutating func append(_ identifier: String, _ random: inout SampleRandom, to out: inout BufferBuilder) {
    let authors = (0..<authorCount(&random)).map { _ in
      (key: ArxivPaperMaker.surnames[random.below(ArxivPaperMaker.surnames.count)], fore: forenames(&random))
    }
    let journal =
      random.chance(0.42) ? "Rev. Test. \(1 + random.below(240)) (20\(10 + random.below(14))) \(random.below(900))" : ""
    let categories = pickCategories(&random)
    switch layout {
    case .keyed: appendKeyed(identifier, authors, journal, categories, &random, to: &out)
    case .snapshot: appendSnapshot(identifier, authors, journal, categories, &random, to: &out)
    }
  }

  private func authorCount(_ random: inout SampleRandom) -> Int {
    var count = 1
    while count < 12, random.chance(0.66) { count += 1 }
    return count
  }

  private func forenames(_ random: inout SampleRandom) -> String {
    var name = ""
    for _ in 0..<(1 + random.below(2)) {
      if !name.isEmpty { name += " " }
      name.unicodeScalars.append(Unicode.Scalar(UInt8(ascii: "A") + UInt8(random.below(26))))
      name += "."
    }
    return name
  }

  /// One category for six papers in ten, seldom five; each once.
  private func pickCategories(_ random: inout SampleRandom) -> [String] {
    var count = 1
    while count < 5, random.chance(0.38) { count += 1 }
    var picked: [String] = []
    while picked.count < count {
      let place = random.below(codes[codes.count - 1].until)
      guard let code = codes.first(where: { place < $0.until })?.code, !picked.contains(code) else { continue }
      picked.append(code)
    }
    return picked
  }

  private mutating func appendText(
    _ median: Double, spread: Double, range: ClosedRange<Int>, width: Int?, stop: Bool, topics: [Int] = [],
    _ random: inout SampleRandom, to out: inout BufferBuilder
  ) {
    let count = Int(random.logNormal(median: median, spread: spread))
    words.text(
      count: min(max(count, range.lowerBound), range.upperBound), width: width, endsWithStop: stop, topics: topics,
      &random, to: &out)
  }

  private mutating func appendTitle(_ random: inout SampleRandom, to out: inout BufferBuilder) {
    appendText(8, spread: 0.35, range: 2...24, width: nil, stop: false, &random, to: &out)
  }

  /// A median of 100 words with this spread means 112 on average. Each category has words of its own.
  private mutating func appendAbstract(
    _ categories: [String], _ random: inout SampleRandom, to out: inout BufferBuilder
  ) {
    let topics = categories.compactMap { code in codes.firstIndex { $0.code == code } }
    appendText(100, spread: 0.48, range: 6...420, width: 76, stop: true, topics: topics, &random, to: &out)
  }

  private func inside(_ text: String) -> String { sampleJSON(text, escapesUnicode: layout == .keyed) }

  private func mainCategory(_ code: String) -> String {
    main[String(code.prefix { $0 != "." })] ?? ArxivCategories.physics
  }

  private mutating func appendKeyed(
    _ identifier: String, _ authors: [(key: String, fore: String)], _ journal: String, _ categories: [String],
    _ random: inout SampleRandom, to out: inout BufferBuilder
  ) {
    out.append("\"\(identifier)\": {\"title\": \"")
    appendTitle(&random, to: &out)
    let names = authors.map { #"{"keyname": "\#(inside($0.key))", "forenames": "\#($0.fore)"}"# }
    let list = names.count == 1 ? names[0] : "[" + names.joined(separator: ", ") + "]"
    out.append("\", \"authors\": {\"author\": \(list)}, \"journal-ref\": \"\(journal)\", \"abstract\": \"")
    appendAbstract(categories, &random, to: &out)
    out.append("\", \"categories\": {")
    for (number, code) in categories.enumerated() {
      if number > 0 { out.append(", ") }
      out.append(
        "\"category-\(number)\": {\"main_category\": \"\(mainCategory(code))\", \"sub_category\": \"\(code)\"}")
    }
    out.append("}}")
  }

  private mutating func appendSnapshot(
    _ identifier: String, _ authors: [(key: String, fore: String)], _ journal: String, _ categories: [String],
    _ random: inout SampleRandom, to out: inout BufferBuilder
  ) {
    let submitter = inside(authors[0].fore + " " + authors[0].key)
    let names = inside(authors.map { $0.fore + " " + $0.key }.joined(separator: ", "))
    out.append("{\"id\": \"\(identifier)\", \"submitter\": \"\(submitter)\", \"authors\": \"\(names)\", \"title\": \"")
    appendTitle(&random, to: &out)
    out.append("\", \"comments\": \"\(4 + names.utf8.count % 40) pages\", \"journal-ref\": ")
    out.append(journal.isEmpty ? "null" : "\"\(journal)\"")
    out.append(", \"doi\": null, \"report-no\": null, \"categories\": \"\(categories.joined(separator: " "))\", ")
    out.append("\"license\": null, \"abstract\": \"  ")
    appendAbstract(categories, &random, to: &out)
    let year = 2000 + (Int(identifier.prefix(2)) ?? 7)
    let month = identifier.dropFirst(2).prefix(2)
    out.append("\\n\", \"versions\": [{\"version\": \"v1\", \"created\": \"\(year)-\(month)-02\"}], ")
    out.append("\"update_date\": \"\(year)-\(month)-24\", \"authors_parsed\": [")
    out.append(authors.map { #"["\#(inside($0.key))", "\#($0.fore)", ""]"# }.joined(separator: ", "))
    out.append("]}")
  }
}
