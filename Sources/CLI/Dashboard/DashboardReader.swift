import Foundation
import Graph
import Yams

/// Reads a dashboard file.
///
/// Unknown keys are errors: a key that is silently ignored is a typing mistake that nobody finds.
struct DashboardReader {
  private let name: String
  private let file: String
  /// The panel being read, for messages.
  private var panel: String?

  /// - Parameter file: as messages name it.
  static func read(_ text: String, name: String, file: String) throws(DashboardError) -> Dashboard {
    var reader = DashboardReader(name: name, file: file)
    return try reader.dashboard(text)
  }

  private init(name: String, file: String) {
    self.name = name
    self.file = file
  }

  // MARK: - Parts of the file

  private mutating func dashboard(_ text: String) throws(DashboardError) -> Dashboard {
    let root = try Fields(compose(text), self, known: ["title", "description", "panels"])
    guard let list = try root.sequence("panels"), !list.isEmpty else {
      throw failure(1, "a dashboard needs \"panels:\", a list with at least one panel")
    }
    let title = try root.text("title") ?? name
    let description = try root.text("description") ?? ""
    var panels: [Panel] = []
    for (index, node) in list.enumerated() {
      panel = String(index + 1)
      panels.append(try read(node, number: index + 1))
    }
    return Dashboard(name: name, title: title, description: description, file: file, panels: panels)
  }

  private mutating func read(_ node: Node, number: Int) throws(DashboardError) -> Panel {
    let common = ["title", "kind", "sql", "limit", "empty"]
    let all = common + ["columns", "series", "x", "bound", "height"]
    var fields = try Fields(node, self, known: all)
    let title = try fields.text("title")
    if let title {
      panel = "\"\(title)\""
      fields = try Fields(node, self, known: all)
    }
    let kind = try fields.word("kind", Panel.Kind.self)
    guard let kind else { throw failure(fields.line, "\"kind:\" is missing: \(list(Panel.Kind.self))") }
    guard let sql = try fields.text("sql"), !sql.allSatisfy(\.isWhitespace) else {
      throw failure(fields.line, "\"sql:\" is missing")
    }
    let only = kind == .chart ? ["series", "x", "bound", "height"] : ["columns"]
    for key in fields.keys where !(common + only).contains(key) {
      throw failure(fields.line(of: key), "\"\(key)\" has no meaning in a panel of kind \(kind.rawValue)")
    }
    let listKey = kind == .chart ? "series" : "columns"
    let columns = try columns(fields.sequence(listKey) ?? [])
    switch kind {
    case .bars where columns.count != 2:
      throw failure(fields.line, "a bars panel has two columns, the label and the figure; this has \(columns.count)")
    case _ where columns.isEmpty: throw failure(fields.line, "\"\(listKey):\" is missing or empty")
    default: break
    }
    let x = try fields.node("x").map { (node) throws(DashboardError) in try column(node) }
    let bound = try fields.node("bound").map { (node) throws(DashboardError) in try column(node) }
    if kind == .chart, x == nil { throw failure(fields.line, "\"x:\" is missing: the column that holds time") }
    return Panel(
      kind: kind, title: title, sql: sql, columns: columns, limit: try fields.number("limit", in: 1...10_000) ?? 20,
      empty: try fields.text("empty"), x: x, bound: bound, height: try fields.number("height", in: 1...40) ?? 6,
      line: fields.line, sqlLine: fields.line(of: "sql"), number: number)
  }

  private func columns(_ nodes: [Node]) throws(DashboardError) -> [PanelColumn] {
    var columns: [PanelColumn] = []
    for node in nodes { columns.append(try column(node)) }
    return columns
  }

  private func column(_ node: Node) throws(DashboardError) -> PanelColumn {
    if let name = node.scalar?.string, !name.isEmpty {
      return PanelColumn(name: name, header: header(name), line: node.mark?.line ?? 1)
    }
    let fields = try Fields(
      node, self,
      known: ["name", "header", "format", "align", "style", "of", "beside", "min", "max", "drop"])
    guard let name = try fields.text("name") else {
      throw failure(fields.line, "a column needs \"name:\", its name in the answer")
    }
    let column = PanelColumn(
      name: name, header: try fields.text("header") ?? header(name),
      format: try fields.word("format", PanelColumn.Format.self) ?? .text,
      align: try fields.word("align", StyledText.Side.self), style: try fields.word("style", TextStyle.self),
      of: try fields.text("of"), beside: try fields.text("beside"),
      least: try fields.number("min", in: 1...500), most: try fields.number("max", in: 1...500),
      drop: try fields.number("drop", in: 1...1000), line: fields.line)
    if let least = column.least, let most = column.most, least > most {
      throw failure(fields.line(of: "min"), "min is greater than max")
    }
    return column
  }

  private func header(_ name: String) -> String { name.replacing("_", with: " ") }

  // MARK: - Messages

  fileprivate func failure(_ line: Int, _ message: String) -> DashboardError {
    DashboardError(file: file, line: line, panel: panel, message: message)
  }

  fileprivate func list<Word: CaseIterable & RawRepresentable>(_: Word.Type) -> String where Word.RawValue == String {
    Word.allCases.map(\.rawValue).joined(separator: ", ")
  }

  private func compose(_ text: String) throws(DashboardError) -> Node {
    // Yams hands libyaml a pointer into the string, which for a short string lies on a stack frame already left.
    let padded = text.utf8.count < 32 ? text + "\n" + String(repeating: "#", count: 32) : text
    do {
      let parser = try Parser(yaml: padded, resolver: .basic, constructor: .default, encoding: .utf8)
      guard let root = try parser.singleRoot() else { throw failure(1, "the file is empty") }
      return root
    } catch let error as DashboardError {
      throw error
    } catch let error as YamlError {
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        throw failure(mark.line, "this is no YAML: \(problem)")
      case .duplicatedKeysInMapping(let names, let context):
        throw failure(context.mark.line, "\"\(names.first ?? "")\" stands here more than once")
      default: throw failure(1, "this is no YAML: \(error)")
      }
    } catch {
      throw failure(1, "this is no YAML: \(error)")
    }
  }
}

/// The keys of one mapping, each read as what it should be.
private struct Fields {
  let line: Int
  private let nodes: [String: (key: Node, value: Node)]
  private let reader: DashboardReader

  init(_ node: Node, _ reader: DashboardReader, known: [String]) throws(DashboardError) {
    self.reader = reader
    line = node.mark?.line ?? 1
    guard let mapping = node.mapping else {
      throw reader.failure(line, "expected keys and values here: \(known.joined(separator: ", "))")
    }
    var nodes: [String: (key: Node, value: Node)] = [:]
    for (key, value) in mapping {
      let name = key.scalar?.string ?? ""
      guard known.contains(name) else {
        let near = nearestName(to: name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
        let all = near.isEmpty ? " (known here: \(known.joined(separator: ", ")))" : ""
        throw reader.failure(key.mark?.line ?? line, "unknown key \"\(name)\"\(near)\(all)")
      }
      nodes[name] = (key, value)
    }
    self.nodes = nodes
  }

  /// In a fixed order, so that of two mistakes the same one is always told.
  var keys: [String] { nodes.keys.sorted { (line(of: $0), $0) < (line(of: $1), $1) } }

  func line(of key: String) -> Int { nodes[key]?.key.mark?.line ?? line }

  func node(_ key: String) throws(DashboardError) -> Node? { nodes[key]?.value }

  func sequence(_ key: String) throws(DashboardError) -> [Node]? {
    guard let node = nodes[key]?.value else { return nil }
    guard let sequence = node.sequence else { throw reader.failure(line(of: key), "\"\(key):\" should be a list") }
    return Array(sequence)
  }

  func text(_ key: String) throws(DashboardError) -> String? {
    guard let node = nodes[key]?.value else { return nil }
    guard let text = node.scalar?.string else { throw reader.failure(line(of: key), "\"\(key):\" should be a text") }
    return text
  }

  func number(_ key: String, in range: ClosedRange<Int>) throws(DashboardError) -> Int? {
    guard let text = try text(key) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw reader.failure(
        line(of: key),
        "\"\(key):\" should be a whole number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\"")
    }
    return number
  }

  func word<Word: CaseIterable & RawRepresentable>(_ key: String, _: Word.Type) throws(DashboardError) -> Word?
  where Word.RawValue == String {
    guard let text = try text(key) else { return nil }
    guard let word = Word(rawValue: text) else {
      let near = nearestName(to: text, among: Word.allCases.map(\.rawValue))
      throw reader.failure(
        line(of: key),
        "unknown \(key) \"\(text)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? "")
          + " (\(reader.list(Word.self)))")
    }
    return word
  }
}
