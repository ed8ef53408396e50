/// The name among `candidates` that `name` most likely was meant to be.
///
/// Edit distance with transposed neighbours counted once (optimal string alignment), letter case ignored.
/// - Returns: `nil` where nothing is near: more than a third of the letters would change.
/// - Complexity: O(candidates · letters²).
public func nearestName(to name: String, among candidates: some Sequence<String>) -> String? {
  let wanted = Array(name.lowercased())
  var best: (name: String, distance: Int)?
  for candidate in candidates {
    let distance = editDistance(wanted, Array(candidate.lowercased()))
    if distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  guard let best, best.distance <= max(1, max(wanted.count, best.name.count) / 3) else { return nil }
  return best.name
}

extension OpRegistry {
  /// The operations that `name` most likely was meant to be, at most three: the nearest; else those of another family that
  /// do what the part behind the last dot says, as `table.filter` for `filter`.
  public func suggestions(for name: String) -> [String] {
    func verb(_ name: String) -> Substring { name.split(separator: ".", omittingEmptySubsequences: false).last! }
    if let near = nearestName(to: name, among: names) { return [near] }
    guard let wanted = nearestName(to: String(verb(name)), among: names.map { String(verb($0)) }) else { return [] }
    return Array(names.filter { verb($0) == wanted[...] }.prefix(3))
  }
}

/// `a`, `a or b`, `a, b or c`.
public func alternatives(_ words: [String]) -> String {
  guard let last = words.last, words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " or " + last
}

private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  for i in 1...a.count {
    var row = [i] + [Int](repeating: 0, count: b.count)
    for j in 1...b.count {
      row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], beforeLast[j - 2] + 1) }
    }
    (beforeLast, last) = (last, row)
  }
  return last[b.count]
}
