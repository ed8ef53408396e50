import Graph

/// The operations that come with graphrun.
public enum StandardOps {
  public static let definitions: [OpDefinition] =
    [
      ArxivPreprocess.definition, ArxivRead.definition, BagCount.definition, BagDistinct.definition,
      CountDistinct.definition, Frequencies.definition, TopRows.definition,
      CSVRead.definition, CSVWrite.definition, FilesManifest.definition, GroupAggregate.definition,
      JSONLinesRead.definition, JSONLinesWrite.definition, ChooseColumns.drop, ChooseColumns.select,
      CastColumns.definition, ConcatTables.definition, DistinctRows.definition, FilterRows.definition,
      JoinTables.definition,
      RenameColumns.definition,
      RepartitionTables.definition, SampleRows.definition, SortRows.definition, TakeRows.definition,
      OneHotOp.definition, ParquetRead.definition, ParquetWrite.definition, PartitionByID.definition,
      SQLQuery.definition, RunCommandOp.definition, TextRead.definition,
      TextWrite.definition,
      TokenizeOp.definition, FitTokenizer.definition, EncodeText.definition, DecodeText.definition,
      ReadTokenizer.definition, WriteTokenizer.definition, PadSequences.definition, SequenceLengths.definition,
      NpyWrite.definition, CleanDomains.definition, ExtractText.definition, ShuffleRows.definition,
      AssignSplit.definition, FitDictionary.definition, WeighTerms.bagOfWords, WeighTerms.tfidf, NpzWrite.definition,
      PackExamples.definition, FitLogistic.definition, PredictLogistic.definition, PrecisionRecall.definition,
      CompareCurves.averages, CompareCurves.best, SVGWrite.definition,
    ] + ColumnFigures.definitions + DebugOps.definitions

  /// Adds the operations and the values they pass along.
  public static func register(into registry: inout OpRegistry) {
    registry.register(Table.self)
    registry.register(FittedTokenizer.self)
    registry.register(ShardSet.self)
    registry.register(SortedRun.self)
    registry.register(JoinTable.self)
    registry.register(DebugValue.self)
    registry.register(CommandOutcome.self)
    for definition in definitions { registry.register(definition) }
  }
}
