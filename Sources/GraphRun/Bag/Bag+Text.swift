import Foundation
import Graph
import Tasks

extension Bag where Element == String {
  /// The lines of text files: Dask's `read_text`.
  ///
  /// Files are listed now and read when the bag is computed, a batch of lines at a time.
  ///
  /// - Parameters:
  ///   - paths: paths, folders and glob patterns; relative ones count from the working folder.
  ///   - format: compression, encoding and what ends a line. Lines keep their ends unless it says otherwise.
  ///   - splitting: one partition a file, so many files a partition, or blocks of so many bytes.
  /// - Throws: `ParameterError` for a pattern that matches nothing, a file that cannot be read, an unknown encoding, or
  ///   blocks of compressed files. When computed, `TaskError` that names file and place for text that cannot be decoded.
  public static func readText(
    _ paths: String..., format: TextFileFormat = TextFileFormat(), splitting: TextFileSplitting = .byFile
  ) throws -> Bag<String> {
    let plan = try TextFilePlan(paths, format: format, splitting: splitting)
    return Bag(plan) { plan.makeReader($0, context: $1) }
  }

  /// Writes every partition to a text file, a line for each element: Dask's `to_textfiles`.
  ///
  /// - Parameters:
  ///   - pattern: a path in which `*` stands for the partition's name; without, a folder in which files are called
  ///     `0.part`, `1.part`, …
  ///   - name: a partition's name by its number; if not given, the number with zeros before it.
  ///   - format: compression, encoding and line ends. As in Dask, elements are written as they are, and line ends lie
  ///     between them: lines that kept their ends come out with empty lines between.
  /// - Returns: the files' paths, in order of partitions, when all are written.
  /// - Throws: `ParameterError` if two partitions would have one file, or a format is unknown.
  public func toTextFiles(
    _ pattern: String, name: (@Sendable (Int) -> String)? = nil, format: TextOutputFormat = TextOutputFormat()
  ) throws -> Delayed<[String]> {
    let paths = try TextFileNames.paths(Paths.absolute(pattern), count: partitionCount, name: name)
    return written(label: "toTextFiles", identity: .parameters(format.identity), paths: paths) { next, sink, path in
      let writer = try TextFileWriter(to: sink, path: path, format: format)
      while let block = try next() { for line in block { try writer.write(line) } }
      return try writer.finish()
    }
  }
}

extension Bag where Element == TextLine {
  /// The lines of text files, each with the path of its file: Dask's `include_path`.
  ///
  /// Parameters and errors are those of `readText(_:format:splitting:)`.
  public static func readTextWithPaths(
    _ paths: String..., format: TextFileFormat = TextFileFormat(), splitting: TextFileSplitting = .byFile
  ) throws -> Bag<TextLine> {
    let plan = try TextFilePlan(paths, format: format, splitting: splitting)
    return Bag(plan) { plan.makePathReader($0, context: $1) }
  }
}

extension Bag where Element: Decodable {
  /// The values of JSON-lines files: one JSON text a line; empty lines are passed over.
  ///
  ///     let papers = try Bag<Paper>.readJSONLines("data/*.jsonl.gz")
  ///
  /// - Parameters:
  ///   - paths: as `readText(_:format:splitting:)`.
  ///   - compression: by the file's name, if not given.
  ///   - splitting: as `readText(_:format:splitting:)`.
  /// - Throws: as `readText`; when computed, `TaskError` that names file and line for one that is no `Element`.
  public static func readJSONLines(
    _ paths: String..., compression: TextFileFormat.Compression = .infer, splitting: TextFileSplitting = .byFile
  ) throws -> Bag {
    var format = TextFileFormat.jsonLines
    format.compression = compression
    let plan = try TextFilePlan(paths, format: format, splitting: splitting)
    return Bag(plan) { partition, context in
      let lines = plan.lineReader(partition, context: context)
      let decoder = JSONDecoder()
      return {
        var block = ContiguousArray<Element>()
        var bytes = 0
        while block.count < blockLength, bytes < 1 << 20, let line = try lines.next() {
          guard !line.isEmpty else { continue }
          bytes += line.count
          do {
            block.append(try decoder.decode(Element.self, from: Data(line)))
          } catch {
            throw TaskError(
              .badRecord, "it is no \(Element.self); correct or remove the line", file: lines.path,
              record: "line \(lines.lineNumber)", cause: "\(error)")
          }
        }
        return block.isEmpty && bytes == 0 ? nil : block
      }
    }
  }
}

extension Bag {
  /// Writes every partition to a JSON-lines file: one JSON text a line, keys in alphabetical order.
  ///
  /// - Parameters:
  ///   - pattern: as `toTextFiles(_:name:format:)`.
  ///   - name: as `toTextFiles(_:name:format:)`.
  ///   - compression: by the file's name, if not given.
  /// - Throws: as `toTextFiles(_:name:format:)`; when computed, `EncodingError` as a failure's message for what JSON cannot
  ///   say, such as a number that is not finite.
  /// - Returns: the files' paths, in order of partitions, when all are written.
  public func toJSONLines(
    _ pattern: String, name: (@Sendable (Int) -> String)? = nil,
    compression: TextFileFormat.Compression = .infer
  ) throws -> Delayed<[String]> {
    let paths = try TextFileNames.paths(Paths.absolute(pattern), count: partitionCount, name: name)
    return written(label: "toJSONLines", identity: .parameters("\(compression)"), paths: paths) { next, sink, path in
      var first = try next()
      while first?.isEmpty == true { first = try next() }
      // Of nothing, nothing: not an empty line, which is no JSON.
      let format = TextOutputFormat(compression: compression, lastLineEnds: first != nil)
      let writer = try TextFileWriter(to: sink, path: path, format: format)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      var block = first
      while let elements = block {
        for element in elements {
          let data = try encoder.encode(element)
          try data.withUnsafeBytes { try writer.write($0.bindMemory(to: UInt8.self)) }
        }
        block = try next()
      }
      return try writer.finish()
    }
  }

  /// A bag of what a plan of text files reads.
  fileprivate init(
    _ plan: TextFilePlan, _ read: @escaping @Sendable (Partition, any TaskContext) -> BlockReader<Element>
  ) {
    self.init(
      label: "read", partitions: plan.partitions, identity: .parameters(""), touchesFiles: true,
      partitionIdentity: { plan.identity(of: plan.partitions[$0]) },
      memory: { partition, _, _ in
        MemoryEstimate(output: 2 * plan.expectedByteCount(of: plan.partitions[partition]), scratch: 2 << 20)
      }
    ) { partition, scope in
      read(plan.partitions[partition], scope.context)
    }
  }
}
