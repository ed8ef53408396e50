import Graph

/// The files that a bag's partitions are written to.
public enum TextFileNames {
  /// One path a partition, as `dask.bag.to_textfiles` names them.
  ///
  /// - Parameters:
  ///   - pattern: its one `*` becomes the partition's name; without one it is a folder for files `*.part`.
  ///   - count: partitions.
  ///   - name: names a partition; its number unless given, with zeros before it so that all have one length.
  /// - Throws: `ParameterError` for two stars, or two partitions with one path.
  /// - Note: Whether the paths sort as the partitions do, so that reading them by a pattern gives the same order, says
  ///   `keepOrder(_:)`; Dask warns where they do not.
  public static func paths(
    _ pattern: String, count: Int, name: ((Int) throws -> String)? = nil
  ) throws -> [String] {
    var pattern = pattern
    let stars = pattern.utf8.count { $0 == UInt8(ascii: "*") }
    guard stars <= 1 else { throw ParameterError("path", "\(pattern) has \(stars) stars; only one can be a number") }
    if stars == 0 { pattern += pattern.hasSuffix("/") ? "*.part" : "/*.part" }
    let paths = try (0..<count).map { index in
      let part = try name?(index) ?? padded(index, among: count)
      return pattern.replacing("*", with: part)
    }
    try checkDistinct(paths)
    return paths
  }

  /// Paths that were given one by one.
  ///
  /// - Throws: `ParameterError` where there are not as many as partitions, or one stands there twice.
  public static func paths(_ paths: [String], count: Int) throws -> [String] {
    guard paths.count == count else {
      throw ParameterError("path", "there are \(paths.count) paths for \(count) partitions; give one for each")
    }
    try checkDistinct(paths)
    return paths
  }

  private static func checkDistinct(_ paths: [String]) throws {
    guard let twice = paths.firstRepeated else { return }
    throw ParameterError("path", "two partitions would both be written to \(twice); give each another name")
  }

  /// `index` with as many zeros before it as the greatest of `count` indices has digits.
  public static func padded(_ index: Int, among count: Int) -> String {
    let digits = "\(index)"
    return String(repeating: "0", count: max("\(max(count - 1, 0))".count - digits.count, 0)) + digits
  }

  /// Whether sorting the paths leaves them in the partitions' order.
  public static func keepOrder(_ paths: [String]) -> Bool {
    zip(paths, paths.dropFirst()).allSatisfy { !$1.utf8.lexicographicallyPrecedes($0.utf8) }
  }
}
