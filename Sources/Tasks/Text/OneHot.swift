import Graph

// One column of 0 and 1 for every category.
//
// First every cell's strings become numbers, in the order of their appearance; then the columns' order is decided;
// then one walk over the numbers sets the ones. Which columns there are:
//
//   present   the categories that occur in this partition, sorted by code point, then those of the list that do
//             not, in the list's order
//   fixed     the list's, in its order; any other category is an error, or a 1 in the column "other"

/// Turns strings, or lists of strings, into 0/1 columns.
struct OneHot: Sendable {
  enum Columns: String, CaseIterable, Sendable {
    case present
    case fixed
  }

  let categories: [String]
  let columns: Columns
  let other: Bool

  static let otherName = "other"
  /// A column each: beyond this, one-hot is the wrong tool, and memory would be lost to zeros.
  static let mostCategories = 4096

  /// - Throws: `ParameterError` where the parts contradict each other.
  init(categories: [String], columns: Columns, other: Bool) throws {
    if let twice = categories.firstRepeated {
      throw ParameterError("categories", "\"\(twice)\" is listed twice")
    }
    guard !other || columns == .fixed else {
      throw ParameterError("other", "it counts categories outside a fixed list; add columns: fixed")
    }
    guard !other || !categories.containsBytes(of: OneHot.otherName) else {
      throw ParameterError("other", "\"other\" is also one of categories; rename that category")
    }
    self.categories = categories
    self.columns = columns
    self.other = other
  }

  /// The 0/1 columns for `column`, a string column or one of lists of strings; a null cell gives zeros.
  ///
  /// - Parameters:
  ///   - name: the column's name, for messages.
  ///   - ids: the column that names records in messages; without it their row number does.
  /// - Returns: `Int8` columns of `column.count` cells.
  /// - Throws: `TaskError` with code `.badRecord` for a category outside a fixed list, `.tooLarge` for more than 4096.
  /// - Complexity: O(strings + rows · columns).
  func encode(
    _ column: Column, name: String, ids: Column?, file: String?, context: any TaskContext
  ) throws -> [(name: String, column: Column)] {
    var table = StringTable()
    let listed = categories.count
    for category in categories { _ = table.insert(category) }
    var numbers: [Int32] = []
    var starts: [Int] = [0]
    starts.reserveCapacity(column.count + 1)
    let texts = column.items ?? column
    numbers.reserveCapacity(texts.count)
    try texts.withStrings { cells in
      for row in 0..<column.count {
        if row % 4096 == 4095 { try context.checkCancellation() }
        if !column.isNull(row) {
          let items = column.items == nil ? row..<(row + 1) : column.withOffsets { Int($0[row])..<Int($0[row + 1]) }
          for item in items {
            let number = table.insert(cells[item])
            if columns == .fixed, number >= listed, !other {
              throw unknown(table[number], row: row, name: name, ids: ids, file: file)
            }
            if columns == .present, number >= OneHot.mostCategories {
              throw TaskError(
                .tooLarge,
                "column \"\(name)\" has more than \(OneHot.mostCategories) different values; one-hot is for few, "
                  + "name another column",
                file: file)
            }
            numbers.append(Int32(truncatingIfNeeded: number))
          }
        }
        starts.append(numbers.count)
      }
    }
    let order = order(table, occurring: numbers)
    let encoded = order.numbers.isEmpty && !other ? [] : fill(order, numbers: numbers, starts: starts)
    return zip(order.names + (other ? [OneHot.otherName] : []), encoded).map { ($0, $1) }
  }

  private struct Order {
    var names: [String] = []
    /// Numbers of the string table, in the columns' order.
    var numbers: [Int] = []
    /// For each number of the string table the column it sets.
    var position: [Int] = []
  }

  private func order(_ table: borrowing StringTable, occurring numbers: [Int32]) -> Order {
    var order = Order()
    order.position = [Int](repeating: categories.count, count: table.count)
    switch columns {
    case .fixed: order.numbers = Array(0..<categories.count)
    case .present:
      var occurs = [Bool](repeating: false, count: table.count)
      for number in numbers { occurs[Int(number)] = true }
      order.numbers = table.sorted().filter { occurs[$0] } + (0..<categories.count).filter { !occurs[$0] }
    }
    for (place, number) in order.numbers.enumerated() {
      order.position[number] = place
      order.names.append(table[number])
    }
    return order
  }

  private func fill(_ order: Order, numbers: [Int32], starts: [Int]) -> [Column] {
    let rows = starts.count - 1
    let width = order.numbers.count + (other ? 1 : 0)
    // All columns side by side in one buffer: each is a slice of it.
    var flags = BufferBuilder(capacity: rows * width)
    flags.appendDirect(most: rows * width) { flags in
      flags.update(repeating: 0, count: rows * width)
      for row in 0..<rows {
        for index in starts[row]..<starts[row + 1] { flags[order.position[Int(numbers[index])] * rows + row] = 1 }
      }
      return rows * width
    }
    let all = flags.finish()
    return (0..<width).map { place in
      Column(type: .int8, count: rows, storage: .fixed(all.slice((place * rows)..<((place + 1) * rows))))
    }
  }

  private func unknown(_ category: String, row: Int, name: String, ids: Column?, file: String?) -> TaskError {
    let near = nearestName(to: category, among: categories).map { "; did you mean \"\($0)\"?" } ?? ""
    return TaskError(
      .badRecord,
      "\"\(category)\" in column \"\(name)\" is none of the fixed categories\(near); add it to categories, "
        + "or count such values with other: true",
      file: file, record: ids.flatMap { $0.type == .utf8 ? $0.string(at: row) : nil } ?? "row \(row + 1)")
  }
}
