import Graph

/// The operations that come with graphrun.
public enum StandardOps {
  public static let definitions: [OpDefinition] =
    [
      ArxivPreprocess.definition, ArxivRead.definition, BagCount.definition, BagDistinct.definition, BagSum.definition,
      JSONLinesRead.definition, JSONLinesWrite.definition, ChooseColumns.drop, ChooseColumns.select,
      OneHotOp.definition, ParquetRead.definition, ParquetWrite.definition, PartitionByID.definition,
      RunCommandOp.definition, TextRead.definition, TextWrite.definition,
      TokenizeOp.definition,
    ] + DebugOps.definitions

  /// Adds the operations and the values they pass along.
  public static func register(into registry: inout OpRegistry) {
    registry.register(Table.self)
    registry.register(ShardSet.self)
    registry.register(DebugValue.self)
    registry.register(CommandOutcome.self)
    for definition in definitions { registry.register(definition) }
  }
}
