/// Lower-casing as Python's `str.lower()` does it: each code point by Unicode's full mapping, which may give several, and a
/// sigma at the end of a word as `ς`.
public enum Lowercasing {
  /// - Complexity: O(n); O(n²) where text is a run of sigmas and marks.
  public static func lowered(_ scalars: some RandomAccessCollection<Unicode.Scalar>) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(scalars.count)
    for place in scalars.indices {
      let scalar = scalars[place]
      if scalar.isASCII {
        result.append(scalar.value >= 0x41 && scalar.value <= 0x5A ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar)
      } else if scalar == "\u{3A3}" {
        result.append(isFinalSigma(at: place, in: scalars) ? "\u{3C2}" : "\u{3C3}")
      } else {
        result += scalar.properties.lowercaseMapping.unicodeScalars
      }
    }
    return result
  }

  /// Unicode's Final_Sigma: a cased letter before, none behind, whatever is case-ignorable in between.
  public static func isFinalSigma<Scalars: RandomAccessCollection<Unicode.Scalar>>(
    at place: Scalars.Index, in scalars: Scalars
  ) -> Bool {
    let before = scalars[..<place].last { !$0.properties.isCaseIgnorable }
    let behind = scalars[scalars.index(after: place)...].first { !$0.properties.isCaseIgnorable }
    return before?.properties.isCased == true && behind?.properties.isCased != true
  }
}
