import Tasks

/// A string as Python sees it: code points by number.
struct PythonString {
  typealias Scalar = Unicode.Scalar
  var scalars: ArraySlice<Scalar>

  init(_ text: String) { scalars = Array(text.unicodeScalars)[...] }
  init(_ scalars: ArraySlice<Scalar>) { self.scalars = scalars }

  var text: String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  var count: Int { scalars.count }

  // MARK: Looking

  /// `s.find(part)`: the first place in code points; -1 if there is none.
  func find(_ part: PythonString) -> Int {
    firstPlace(of: part, from: scalars.startIndex).map { $0 - scalars.startIndex } ?? -1
  }

  private func firstPlace(of part: PythonString, from start: Int) -> Int? {
    guard start + part.count <= scalars.endIndex else { return nil }
    return (start...(scalars.endIndex - part.count)).first { scalars[$0...].starts(with: part.scalars) }
  }

  /// `s.count(part)`: how often without overlap; of the empty string, the places between code points.
  func occurrences(of part: PythonString) -> Int {
    if part.count == 0 { return count + 1 }
    var found = 0
    var start = scalars.startIndex
    while let place = firstPlace(of: part, from: start) {
      found += 1
      start = place + part.count
    }
    return found
  }

  func hasPrefix(_ part: PythonString) -> Bool { scalars.starts(with: part.scalars) }
  func hasSuffix(_ part: PythonString) -> Bool {
    part.count <= count && scalars.suffix(part.count).elementsEqual(part.scalars)
  }

  // MARK: Cutting

  /// `s.strip()`, `lstrip`, `rstrip`: whitespace, or any of `characters`.
  func stripped(of characters: PythonString?, left: Bool = true, right: Bool = true) -> PythonString {
    let unwanted = characters.map { Set($0.scalars) }
    let goes = { (scalar: Scalar) in unwanted?.contains(scalar) ?? scalar.isPythonSpace }
    var rest = scalars
    if left { rest = rest.drop(while: goes) }
    if right { while let last = rest.last, goes(last) { rest.removeLast() } }
    return PythonString(rest)
  }

  /// `s.split(None, limit)`: words between runs of whitespace. What is left at the limit keeps its spaces, but for those
  /// in front.
  func words(limit: Int = -1) -> [PythonString] {
    var found: [PythonString] = []
    var rest = scalars.drop { $0.isPythonSpace }
    while !rest.isEmpty {
      if limit >= 0, found.count == limit {
        found.append(PythonString(rest))
        break
      }
      let word = rest.prefix { !$0.isPythonSpace }
      found.append(PythonString(word))
      rest = rest.dropFirst(word.count).drop { $0.isPythonSpace }
    }
    return found
  }

  /// `s.split(separator, limit)`: also the empty pieces.
  /// - Precondition: `separator` is not empty.
  func pieces(between separator: PythonString, limit: Int = -1) -> [PythonString] {
    var found: [PythonString] = []
    var start = scalars.startIndex
    while limit < 0 || found.count < limit, let place = firstPlace(of: separator, from: start) {
      found.append(PythonString(scalars[start..<place]))
      start = place + separator.count
    }
    found.append(PythonString(scalars[start...]))
    return found
  }

  /// `s.splitlines()`: at every line end that Unicode or ASCII knows, without it.
  func lines() -> [PythonString] {
    var found: [PythonString] = []
    var start = scalars.startIndex
    var place = start
    while place < scalars.endIndex {
      guard scalars[place].endsPythonLine else {
        place += 1
        continue
      }
      found.append(PythonString(scalars[start..<place]))
      place += scalars[place] == "\r" && place + 1 < scalars.endIndex && scalars[place + 1] == "\n" ? 2 : 1
      start = place
    }
    if start < scalars.endIndex { found.append(PythonString(scalars[start...])) }
    return found
  }

  /// `s.replace(old, new, limit)`; an empty `old` is found before every code point and at the end.
  func replacing(_ old: PythonString, with new: PythonString, limit: Int = -1) -> PythonString {
    guard old.count == 0 else {
      var result: [Scalar] = []
      for (index, piece) in pieces(between: old, limit: limit).enumerated() {
        if index > 0 { result += new.scalars }
        result += piece.scalars
      }
      return PythonString(result[...])
    }
    var result: [Scalar] = []
    var left = limit < 0 ? Int.max : limit
    for scalar in scalars {
      if left > 0 {
        result += new.scalars
        left -= 1
      }
      result.append(scalar)
    }
    if left > 0 { result += new.scalars }
    return PythonString(result[...])
  }

  // MARK: Letters

  /// `s.upper()`: full mapping, `ß` becomes `SS`.
  func uppercased() -> PythonString { mapping { $0.uppercaseMapping } }

  /// `s.lower()`: full mapping, and a sigma at the end of a word is `ς`.
  func lowercased() -> PythonString { PythonString(Lowercasing.lowered(scalars)[...]) }

  /// `s.capitalize()`.
  func capitalized() -> PythonString {
    guard let first = scalars.first else { return self }
    let lower = lowercased().scalars
    let firstLower = first == "\u{3A3}" ? 1 : first.properties.lowercaseMapping.unicodeScalars.count
    return PythonString(Array(first.properties.titlecaseMapping.unicodeScalars) + lower.dropFirst(firstLower))
  }

  /// `s.title()`: a letter behind a letter in small, others in title case.
  func titled() -> PythonString {
    var result: [Scalar] = []
    var isInWord = false
    for place in scalars.indices {
      let scalar = scalars[place]
      if isInWord, scalar == "\u{3A3}" {
        result.append(Lowercasing.isFinalSigma(at: place, in: scalars) ? "\u{3C2}" : "\u{3C3}")
      } else {
        let properties = scalar.properties
        result += (isInWord ? properties.lowercaseMapping : properties.titlecaseMapping).unicodeScalars
      }
      isInWord = scalar.properties.isCased
    }
    return PythonString(result[...])
  }

  /// `s.swapcase()`.
  func swappingCase() -> PythonString {
    var result: [Scalar] = []
    for place in scalars.indices {
      let scalar = scalars[place]
      if scalar.properties.isUppercase {
        if scalar == "\u{3A3}" {
          result.append(Lowercasing.isFinalSigma(at: place, in: scalars) ? "\u{3C2}" : "\u{3C3}")
        } else {
          result += scalar.properties.lowercaseMapping.unicodeScalars
        }
      } else if scalar.properties.isLowercase {
        result += scalar.properties.uppercaseMapping.unicodeScalars
      } else {
        result.append(scalar)
      }
    }
    return PythonString(result[...])
  }

  private func mapping(_ map: (Scalar.Properties) -> String) -> PythonString {
    PythonString(scalars.flatMap { map($0.properties).unicodeScalars }[...])
  }
}

extension PythonString {
  // MARK: Kinds: true only if there is a code point and all are of the kind

  var isAlphabetic: Bool { hasAll { $0.isLetter } }
  var isDecimal: Bool { hasAll { $0.properties.generalCategory == .decimalNumber } }
  var isDigit: Bool { hasAll { [.decimal, .digit].contains($0.properties.numericType) } }
  var isAlphanumeric: Bool { hasAll { $0.isLetter || $0.properties.numericType != nil } }
  var isSpace: Bool { hasAll { $0.isPythonSpace } }
  var isASCII: Bool { scalars.allSatisfy(\.isASCII) }

  /// At least one cased code point, and none of the other case.
  var isUpper: Bool {
    scalars.contains { $0.properties.isUppercase }
      && !scalars.contains { $0.properties.isLowercase || $0.properties.generalCategory == .titlecaseLetter }
  }
  var isLower: Bool {
    scalars.contains { $0.properties.isLowercase }
      && !scalars.contains { $0.properties.isUppercase || $0.properties.generalCategory == .titlecaseLetter }
  }

  private func hasAll(_ isOfKind: (Scalar) -> Bool) -> Bool { !scalars.isEmpty && scalars.allSatisfy(isOfKind) }
}

extension Unicode.Scalar {
  /// What `str.isspace` and `str.split()` take for whitespace: Unicode's, and the four ASCII separators.
  var isPythonSpace: Bool { (0x1C...0x1F).contains(value) || properties.isWhitespace }

  fileprivate var endsPythonLine: Bool {
    (0x0A...0x0D).contains(value) || (0x1C...0x1E).contains(value) || [0x85, 0x2028, 0x2029].contains(value)
  }

  fileprivate var isLetter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }
}
