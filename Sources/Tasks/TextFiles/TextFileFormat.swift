import Graph

/// How a text file's bytes become lines.
///
/// The defaults are those of `dask.bag.read_text`: UTF-8, universal newlines, a line keeps its end.
public struct TextFileFormat: Hashable, Sendable {
  /// How a file is packed.
  public enum Compression: String, Hashable, Sendable, CaseIterable {
    /// By the end of the file's name: `.gz`, `.zst` or `.zstd`, in any letter case; none otherwise.
    case infer
    /// Not at all.
    case none
    /// One or many gzip members behind each other.
    case gzip
    /// One or many zstd frames behind each other.
    case zstd
  }

  /// What becomes of bytes that are no text in the file's encoding; as in Python.
  public enum DecodingErrors: String, Hashable, Sendable, CaseIterable {
    /// An error that names the file and the place.
    case strict
    /// U+FFFD stands for each of them.
    case replace
    /// They are left out.
    case ignore
  }

  /// How the files are packed.
  public var compression: Compression
  /// A name that iconv knows, or Python's name for the same: `utf-8`, `latin-1`, `utf-16`, `cp1252`, `shift_jis`.
  ///
  /// As in Python, `utf-8` keeps a byte order mark as the first line's first character and `utf-8-sig` drops it;
  /// `utf-16` and `utf-32` go by the mark and are little-endian without one.
  public var encoding: String
  /// What becomes of bytes that are no text.
  public var errors: DecodingErrors
  /// What ends a line; as Python's `newline`.
  ///
  /// `nil`: `\n`, `\r\n` and `\r`, each of which becomes `\n`. The empty text: the same three, left as they are.
  /// Anything else, of one character or many, ends a line itself and nothing else does.
  public var delimiter: String?
  /// Whether a line keeps what ended it, as Dask's lines do; the last line of a file may have no end to keep.
  public var keepsLineEnds: Bool
  /// Whether each line goes with the path of its file.
  public var includesPath: Bool

  /// Dask's defaults, but for what is given.
  public init(
    compression: Compression = .infer, encoding: String = "utf-8", errors: DecodingErrors = .strict,
    delimiter: String? = nil, keepsLineEnds: Bool = true, includesPath: Bool = false
  ) {
    self.compression = compression
    self.encoding = encoding
    self.errors = errors
    self.delimiter = delimiter
    self.keepsLineEnds = keepsLineEnds
    self.includesPath = includesPath
  }

  /// JSON lines: UTF-8, a record a line without its end; a byte order mark is passed over.
  ///
  /// - Note: A `\r` before the `\n` stays, as white space that JSON allows.
  public static let jsonLines = TextFileFormat(encoding: "utf-8-sig", delimiter: "\n", keepsLineEnds: false)

  /// All that decides what is read, as one text for fingerprints.
  var identity: String {
    let ends = delimiter.map(jsonQuoted) ?? "universal"
    return "\(compression) \(jsonQuoted(encoding)) \(errors) \(ends) \(keepsLineEnds) \(includesPath)"
  }
}

/// How files are cut into partitions.
public enum TextFileSplitting: Hashable, Sendable {
  /// One partition a file.
  case byFile
  /// So many whole files a partition, at least 1; the last may have fewer.
  case filesPerPartition(Int)
  /// Blocks of about so many bytes, at least 1, of one file each; not for compressed files.
  case blocksize(Int)
  /// The same, but what cannot be cut is one partition a file: compressed files, and empty ones where all are.
  case blocksOrFiles(Int)
}

extension TextFileFormat.Compression {
  /// `infer` looked up for a file.
  ///
  /// - Throws: `ParameterError` for endings of packed files that are not read here: their bytes are no text.
  func resolved(for path: String, parameter: String) throws -> TextFileFormat.Compression {
    guard self == .infer else { return self }
    let name = lastComponent(path)
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return .none }
    switch name[name.index(after: dot)...].lowercased() {
    case "gz": return .gzip
    case "zst", "zstd": return .zstd
    case let other where ["bz2", "xz", "lzma", "lz4", "zip"].contains(other):
      throw ParameterError(
        parameter,
        "\(path): .\(other) files are neither read nor written; use .gz or .zst, "
          + "or say compression: none if it is plain text"
      )
    default: return .none
    }
  }
}
