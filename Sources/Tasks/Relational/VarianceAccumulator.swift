import Graph

/// Variances and standard deviations: the squares' sum over `ddof` less than there are; null where that is none.
///
/// - Note: Source: B. P. Welford's update, and for merging T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating Formulae
///   and a Pairwise Algorithm for Computing Sample Variances", 1979.
final class VarianceAccumulator: Accumulator {
  private struct Moments {
    var count = 0.0
    var mean = 0.0
    var squares = 0.0
  }

  private let isDeviation: Bool
  private let ddof: Int
  private let moments = Box<Moments>()

  /// - Parameter ddof: 1 for the variance of a sample, 0 for that of all there is.
  init(isDeviation: Bool, ddof: Int = 1) {
    self.isDeviation = isDeviation
    self.ddof = ddof
  }

  var stateTypes: [ColumnType] { [.float64, .float64, .float64] }
  var byteCount: Int { moments.byteCount }
  func grow(to count: Int) { moments.grow(to: count, Moments()) }

  func update(_ column: Column?, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    guard let column else { return }
    switch column.type {
    case .int8: update(column, rows, groups, column.values(as: Int8.self)) { Double($0) }
    case .int32: update(column, rows, groups, column.values(as: Int32.self)) { Double($0) }
    case .int64: update(column, rows, groups, column.values(as: Int64.self)) { Double($0) }
    case .float32: update(column, rows, groups, column.values(as: Float.self)) { Double($0) }
    case .float64: update(column, rows, groups, column.values(as: Double.self)) { $0 }
    default:
      forEachValue(column, rows) { index, row in take(column.bit(at: row) ? 1 : 0, moments.base + Int(groups[index])) }
    }
  }

  @inline(__always)
  private func update<T: BitwiseCopyable>(
    _ column: Column, _ rows: Range<Int>, _ groups: UnsafePointer<Int32>, _ values: UnsafeBufferPointer<T>,
    _ number: (T) -> Double
  ) {
    let moments = moments.base
    forEachValue(column, rows) { index, row in take(number(values[row]), moments + Int(groups[index])) }
  }

  @inline(__always)
  private func take(_ value: Double, _ group: UnsafeMutablePointer<Moments>) {
    group.pointee.count += 1
    let difference = value - group.pointee.mean
    group.pointee.mean += difference / group.pointee.count
    group.pointee.squares += difference * (value - group.pointee.mean)
  }

  func merge(_ states: [Column], _ rows: Range<Int>, _ groups: UnsafePointer<Int32>) {
    let moments = moments.base
    let columns = states.map { $0.values(as: Double.self) }
    forEachValue(states[0], rows) { index, row in
      let (count, mean, squares) = (columns[0][row], columns[1][row], columns[2][row])
      guard count > 0 else { return }
      let group = moments + Int(groups[index])
      guard group.pointee.count > 0 else {
        group.pointee = Moments(count: count, mean: mean, squares: squares)
        return
      }
      let all = group.pointee.count + count
      let difference = mean - group.pointee.mean
      // In this order, what is finite stays it as far as it can.
      group.pointee.squares += squares + difference * (difference * (group.pointee.count * count / all))
      group.pointee.mean += difference * (count / all)
      group.pointee.count = all
    }
  }

  func states(_ groups: UnsafeBufferPointer<Int32>) throws -> [Column] {
    var columns: [Column] = []
    for part in [\Moments.count, \Moments.mean, \Moments.squares] {
      var builder = FixedColumnBuilder<Double>(capacity: groups.count)
      for group in groups { builder.append(moments.base[Int(group)][keyPath: part]) }
      columns.append(builder.finish())
    }
    return columns
  }

  func result(_ groups: UnsafeBufferPointer<Int32>) throws -> Column {
    var builder = FixedColumnBuilder<Double>(capacity: groups.count)
    for group in groups {
      let moments = moments.base[Int(group)]
      if moments.count <= Double(ddof) {
        builder.appendNull()
      } else {
        let variance = moments.squares / (moments.count - Double(ddof))
        builder.append(isDeviation ? variance.squareRoot() : variance)
      }
    }
    return builder.finish()
  }

  func removeAll() { moments.removeAll() }
}
