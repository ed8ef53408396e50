import CSimdJSON
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The columns that `arxiv.read` can make.
enum ArxivColumn: String, CaseIterable, Sendable {
  case id
  case title
  case abstract
  case authors
  case journalRef = "journal_ref"
  case mainCategories = "main_cat_list"
  case subCategories = "sub_categories"

  static let defaults: [ArxivColumn] = [.id, .abstract, .mainCategories]

  /// What the parser must look for.
  var wanted: Int {
    switch self {
    case .id: 0
    case .title: SJ_TITLE
    case .abstract: SJ_ABSTRACT
    case .authors: SJ_AUTHORS
    case .journalRef: SJ_JOURNAL
    case .mainCategories, .subCategories: SJ_CATEGORIES
    }
  }

  static func wanted(_ columns: [ArxivColumn]) -> UInt32 { UInt32(columns.reduce(0) { $0 | $1.wanted }) }
}

/// Collects papers into columns.
struct ArxivColumns: ~Copyable {
  private let columns: [ArxivColumn]
  private let categories: ArxivCategories
  private var id: StringColumnBuilder
  private var title: StringColumnBuilder
  private var abstract: StringColumnBuilder
  private var journal = StringColumnBuilder()
  private var authors = StringListColumnBuilder()
  private var mains = StringListColumnBuilder()
  private var subs = StringListColumnBuilder()
  /// A paper's categories while they are sorted.
  private var sorted: [sj_text] = []
  private(set) var count = 0

  init(_ columns: [ArxivColumn], categories: ArxivCategories) {
    self.columns = columns
    self.categories = categories
    id = StringColumnBuilder()
    title = StringColumnBuilder()
    abstract = StringColumnBuilder()
  }

  /// Adds a paper of the keyed layout.
  ///
  /// - Throws: `TaskError` with code `.tooLarge` if a column grows beyond what a partition holds.
  mutating func append(keyed paper: borrowing sj_paper) throws {
    try appendTexts(paper)
    for column in columns {
      switch column {
      case .mainCategories:
        sorted.removeAll(keepingCapacity: true)
        for index in 0..<paper.category_count { insertSorted(paper.main_categories[index]) }
        for text in sorted { try mains.appendItem(text.buffer) }
        try mains.closeRow()
      case .subCategories:
        for index in 0..<paper.category_count where paper.sub_categories[index].bytes != nil {
          try subs.appendItem(paper.sub_categories[index].buffer)
        }
        try subs.closeRow()
      default: break
      }
    }
  }

  /// Adds a paper of the snapshot layout.
  ///
  /// - Returns: the code whose archive is unknown; then nothing was added.
  mutating func append(snapshot paper: borrowing sj_paper) throws -> String? {
    let needsMains = columns.contains(.mainCategories)
    var mask: UInt64 = 0
    if needsMains {
      var unknown: String?
      ArxivColumns.eachCode(paper.codes.buffer) { code in
        if let main = categories.main(ofCode: code) {
          mask |= 1 << UInt64(main)
        } else if unknown == nil {
          unknown = String(decoding: code, as: UTF8.self)
        }
      }
      if let unknown { return unknown }
    }
    try appendTexts(paper)
    for column in columns {
      switch column {
      case .mainCategories:
        while mask != 0 {
          try categories.mains[mask.trailingZeroBitCount].withUnsafeBufferPointer { try mains.appendItem($0) }
          mask &= mask - 1
        }
        try mains.closeRow()
      case .subCategories:
        try ArxivColumns.eachCode(paper.codes.buffer) { try subs.appendItem($0) }
        try subs.closeRow()
      default: break
      }
    }
    return nil
  }

  private mutating func appendTexts(_ paper: borrowing sj_paper) throws {
    count += 1
    for column in columns {
      switch column {
      case .id: try id.append(paper.id.buffer)
      case .title: try title.append(paper.title.buffer)
      case .abstract: try abstract.append(paper.abstract.buffer)
      case .journalRef:
        // Both layouts write "no journal" as null or as nothing at all.
        if paper.journal.count > 0 { try journal.append(paper.journal.buffer) } else { try journal.appendNull() }
      case .authors:
        for index in 0..<paper.author_count { try authors.appendItem(paper.authors[index].buffer) }
        try authors.closeRow()
      case .mainCategories, .subCategories: break
      }
    }
  }

  private static func eachCode(
    _ codes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
  ) rethrows {
    var start = 0
    for index in 0...codes.count {
      guard index == codes.count || JSONScan.isSpace(codes[index]) else { continue }
      if index > start { try body(UnsafeBufferPointer(rebasing: codes[start..<index])) }
      start = index + 1
    }
  }

  /// Keeps `sorted` sorted by byte and without repeats; papers have a handful of categories.
  private mutating func insertSorted(_ text: sj_text) {
    var place = sorted.count
    while place > 0 {
      let other = sorted[place - 1]
      let order = memcmp(other.bytes, text.bytes, min(other.count, text.count))
      if order == 0, other.count == text.count { return }
      if order < 0 || (order == 0 && other.count < text.count) { break }
      place -= 1
    }
    sorted.insert(text, at: place)
  }

  consuming func finish() -> Table {
    let parts: [ArxivColumn: Column] = [
      .id: id.finish(), .title: title.finish(), .abstract: abstract.finish(), .journalRef: journal.finish(),
      .authors: authors.finish(), .mainCategories: mains.finish(), .subCategories: subs.finish(),
    ]
    return Table(
      names: columns.map(\.rawValue), columns: columns.compactMap { parts[$0] }, count: count)
  }
}

extension sj_text {
  var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: bytes, count: bytes == nil ? 0 : count) }
  var string: String { String(decoding: buffer, as: UTF8.self) }
}
