import Graph

extension DAGFile {
  /// Makes the graph.
  ///
  /// Nothing is written, but the data is looked at: sources list their files, and sinks plan theirs.
  ///
  /// - Parameters:
  ///   - registry: the operations that there are.
  ///   - overrides: values for `parameters:`; of two for one name the last counts.
  ///   - home: what `~/` stands for.
  /// - Throws: all mistakes that can be told apart, also those found while reading the file.
  /// - Complexity: O(entries and their instances + tasks + edges), and what the sources take.
  public func build(
    registry: OpRegistry, overrides: [Override] = [], home: String? = DAGFile.homeFolder
  ) throws(GraphFileError) -> Pipeline {
    var builder = Builder(self, registry: registry, overrides: overrides, home: home)
    builder.resolve()
    builder.addStages()
    guard builder.mistakes.count == 0 else { throw builder.mistakes.error(in: sources) }
    var lines: [String: Int] = [:]
    for instance in builder.instances where instance.isOn {
      lines[instance.name] = builder.entries[instance.entry].entry.name.position.line
    }
    return Pipeline(
      name: name, path: absolutePath,
      parameters: builder.parameters[0].values.map { Pipeline.Parameter(name: $0.name, json: $0.value.json) },
      graph: builder.graph, lines: lines, entryCount: builder.entries.count,
      switchedOff: builder.switchedOff, files: sources.map(\.absolutePath))
  }

  /// Finds the mistakes that can be found without looking at the data.
  ///
  /// Operations are configured with their arguments, and inputs are compared with what each operation declares.
  /// What only the data can tell is left to `build`: a pattern that matches nothing, bags with different numbers of
  /// partitions, two output files of one name.
  public func check(
    registry: OpRegistry, overrides: [Override] = [], home: String? = DAGFile.homeFolder
  ) throws(GraphFileError) {
    var builder = Builder(self, registry: registry, overrides: overrides, home: home)
    builder.resolve()
    builder.configureOps()
    guard builder.mistakes.count == 0 else { throw builder.mistakes.error(in: sources) }
  }

  /// The user's home folder, from the environment.
  public static var homeFolder: String? { environmentVariable("HOME") }
}
