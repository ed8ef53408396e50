import Graph
import Testing

@testable import GraphFile

@Suite struct ShuffleTests {
  @Test func `An entry that shuffles makes two stages, and others read the second`() throws {
    let pipeline = try build(
      """
      tasks:
        sum: {op: numbers.sum, from: byID}
        byID: {op: numbers.shuffle, from: made, with: {key: id}}
        made: {op: numbers.make}
      """)
    #expect(pipeline.graph.stages.map(\.name) == ["made", "byID.split", "byID", "sum"])
    #expect(pipeline.graph.stage(named: "sum")?.partitions.count == 3)
    #expect(pipeline.lines == ["sum": 2, "byID": 3, "made": 4])
  }

  @Test func `A shuffle is checked before any data is read`() {
    let text = """
      tasks:
        made: {op: numbers.make}
        total: {op: numbers.sum, from: made}
        one: {op: numbers.shuffle, from: made, with: {key: refused}}
        two: {op: numbers.shuffle, from: total, with: {key: id}}
        three: {op: numbers.shuffle, from: made}
        four: {op: numbers.sum, from: one.split}
      """
    #expect(
      checkComplaints(text) == [
        "4:54: task \"one\": parameter \"key\": is not liked",
        "5:36: task \"two\": numbers.shuffle wants a bag as \"numbers\", but \"total\" gives one value",
        "6:15: task \"three\": numbers.shuffle needs the parameter \"key\" (By what)",
        "7:33: task \"four\": \"from\" names \"one.split\", which is no task",
      ])
  }
}
