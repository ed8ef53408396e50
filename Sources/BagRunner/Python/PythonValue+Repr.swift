extension PythonValue {
  /// `str(x)`: strings as they are, all else as `repr`.
  var text: String {
    if case .str(let text) = self { return text }
    return repr
  }

  /// `repr(x)`.
  var repr: String {
    switch self {
    case .none: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .int(let value): return String(value)
    case .float(let value): return pythonFloatText(value)
    case .str(let text): return quoted(text)
    case .list(let items): return "[" + items.map(\.repr).joined(separator: ", ") + "]"
    case .tuple(let items):
      return "(" + items.map(\.repr).joined(separator: ", ") + (items.count == 1 ? ",)" : ")")
    case .dict(let dict):
      return "{" + zip(dict.keys, dict.values).map { "\($0.repr): \($1.repr)" }.joined(separator: ", ") + "}"
    }
  }
}

/// `repr` of a float: the shortest digits that read back the same; with an exponent below 1e-4 and from 1e16 on.
func pythonFloatText(_ value: Double) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  // Swift's digits are the same shortest ones; only where it writes an exponent differs.
  var digits = ""
  var exponent = 0
  var pointAt: Int?
  let parts = value.magnitude.description.split(separator: "e")
  if parts.count == 2 { exponent = Int(parts[1]) ?? 0 }
  for character in parts[0] {
    if character == "." { pointAt = digits.count } else { digits.append(character) }
  }
  // value = 0.digits * 10^point
  var point = (pointAt ?? digits.count) + exponent
  let leadingZeros = digits.prefix { $0 == "0" }.count
  digits.removeFirst(leadingZeros)
  point -= leadingZeros
  while digits.last == "0" { digits.removeLast() }
  let sign = value.sign == .minus ? "-" : ""
  guard !digits.isEmpty else { return sign + "0.0" }
  if point <= -4 || point > 16 {
    let power = point - 1
    let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
    let exponentText = (abs(power) < 10 ? "0" : "") + String(abs(power))
    return "\(sign)\(digits.prefix(1))\(fraction)e\(power < 0 ? "-" : "+")\(exponentText)"
  }
  if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
  if point >= digits.count { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
  return sign + digits.prefix(point) + "." + digits.dropFirst(point)
}

/// A string in Python's quotes: single ones, unless only double ones need no escape.
private func quoted(_ text: String) -> String {
  let quote: Unicode.Scalar = text.contains("'") && !text.contains("\"") ? "\"" : "'"
  var result = String.UnicodeScalarView([quote])
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\n": result.append(contentsOf: "\\n".unicodeScalars)
    case "\r": result.append(contentsOf: "\\r".unicodeScalars)
    case "\t": result.append(contentsOf: "\\t".unicodeScalars)
    case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
    case quote: result.append(contentsOf: ["\\", quote])
    default:
      if scalar.isPrintable {
        result.append(scalar)
      } else {
        let code = scalar.value
        let (letter, width) = code < 0x100 ? ("x", 2) : code < 0x10000 ? ("u", 4) : ("U", 8)
        let hex = String(code, radix: 16)
        let escape = "\\" + letter + String(repeating: "0", count: width - hex.count) + hex
        result.append(contentsOf: escape.unicodeScalars)
      }
    }
  }
  result.append(quote)
  return String(result)
}

extension Unicode.Scalar {
  /// `str.isprintable` of one code point.
  fileprivate var isPrintable: Bool {
    if isASCII { return value >= 0x20 && value != 0x7F }
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      return false
    default: return true
    }
  }
}
