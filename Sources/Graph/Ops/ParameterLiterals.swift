// Parameters as Swift programs write them: ["files": "data/*.csv", "types": ["id": "int64"], "limit": 10].

extension ParameterValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension ParameterValue: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: String...) { self = .strings(elements) }
}

extension ParameterValue: ExpressibleByDictionaryLiteral {
  /// Names with single values, or names in their order with such mappings. A name twice is a programmer's error.
  public init(dictionaryLiteral elements: (String, ParameterValue)...) {
    let maps = elements.compactMap { name, value -> NamedMap? in
      if case .map(let texts) = value { NamedMap(name, texts) } else { nil }
    }
    if maps.count == elements.count, !elements.isEmpty {
      self = .nested(maps)
    } else {
      self = .map(Dictionary(uniqueKeysWithValues: elements.map { ($0, $1.text) }))
    }
  }

  /// As it stands in a mapping.
  private var text: String { if case .string(let text) = self { text } else { json } }
}
