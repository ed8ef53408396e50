import Foundation
import Graph
import Testing

@testable import GraphFile

@Suite struct SchemaTests {
  private func parsed() throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(jsonSchema(for: fakeOps).utf8))
    return try #require(object as? [String: Any])
  }

  private func at(_ path: String, _ root: Any) throws -> Any {
    try path.split(separator: "/").reduce(root) { value, key in
      if let list = value as? [Any] { return list[try #require(Int(key))] }
      return try #require((value as? [String: Any])?[String(key)], "\(path)")
    }
  }

  @Test func `The schema is JSON, and always the same`() throws {
    let schema = try parsed()
    #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
    #expect(jsonSchema(for: fakeOps) == jsonSchema(for: fakeOps))
    #expect(try at("properties/tasks/additionalProperties/$ref", schema) as? String == "#/$defs/task")
    #expect(try (at("properties", schema) as? [String: Any])?.keys.sorted() == StructureReader.fileKeys.sorted())
    #expect(
      try (at("$defs/task/properties", schema) as? [String: Any])?.keys.sorted() == StructureReader.entryKeys.sorted())
  }

  @Test func `Every operation has its parameters, with types, defaults and descriptions`() throws {
    let schema = try parsed()
    #expect(
      try at("$defs/task/properties/op/enum", schema) as? [String]
        == [
          "numbers.double", "numbers.make", "numbers.merge", "numbers.scale", "numbers.shuffle", "numbers.sum",
          "numbers.write",
        ])
    #expect(try at("$defs/task/allOf/1/if/properties/op/const", schema) as? String == "numbers.make")
    let with = try at("$defs/task/allOf/1/then/properties/with", schema)
    #expect(try at("additionalProperties", with) as? Bool == false)
    #expect(try at("properties/count/anyOf/0/maximum", with) as? Int == 1000)
    #expect(try at("properties/count/default", with) as? Int == 2)
    #expect(try at("properties/count/description", with) as? String == "How many partitions")
    #expect(try at("properties/mode/anyOf/0/enum", with) as? [String] == ["fast", "safe"])
    let written = try at("$defs/task/allOf/6/then", schema)
    #expect(try at("required", written) as? [String] == ["from", "with"])
    #expect(try at("properties/with/required", written) as? [String] == ["directory"])
    #expect(try at("properties/with/properties/limit/anyOf/0/minimum", written) as? Int == 1)
    #expect(try at("$defs/task/allOf/3/then/properties/from/minItems", schema) as? Int == 2)
    #expect(try at("$defs/task/allOf/3/then/properties/from/maxItems", schema) as? Int == 3)
  }

  @Test func `Defaults take what a task's options take, and every option lets a parameter through`() throws {
    let schema = try parsed()
    let defaults = try #require(try at("properties/defaults/properties", schema) as? [String: Any])
    #expect(defaults.keys.sorted() == StructureReader.optionKeys.sorted())
    for key in StructureReader.optionKeys {
      let own = try #require(try at("$defs/task/properties/\(key)", schema) as? NSDictionary)
      #expect(own == defaults[key] as? NSDictionary)
    }
    #expect(try at("$defs/task/properties/retries/anyOf/1/pattern", schema) as? String == #"\$\{"#)
    #expect(
      try (at("properties/include/anyOf/0/properties", schema) as? [String: Any])?.keys.sorted()
        == StructureReader.inclusionKeys.sorted())
  }

  @Test func `A registry without operations has a schema too`() throws {
    #expect(throws: Never.self) {
      try JSONSerialization.jsonObject(with: Data(jsonSchema(for: OpRegistry()).utf8))
    }
  }
}
