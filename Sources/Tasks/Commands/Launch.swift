import CProcess
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program about to be started.
struct Launch {
  /// Its file.
  let program: String
  /// What it sees as its arguments, the name it is called by first.
  let arguments: [String]
  /// `NAME=value`.
  let environment: [String]
  /// Its working folder.
  let folder: String
  /// What it gets as its standard input, output, error and so on; see `lifted`.
  let files: [Int32]
  var diesWithParent = true

  struct Started {
    let process: Int32
    /// Becomes readable when the process ends; -1 where the system has none.
    let handle: Int32
  }

  struct Failure: Error {
    enum Step { case process, folder, program }
    let step: Step
    let code: Int32
  }

  func start() throws(Failure) -> Started {
    var handle: Int32 = -1
    var step: Int32 = 0
    var code: Int32 = 0
    let process = Launch.withStrings(arguments) { arguments in
      Launch.withStrings(environment) { environment in
        program.withCString { path in
          folder.withCString { folder in
            files.withUnsafeBufferPointer { files in
              var launch = graphrun_launch(
                path: path, arguments: arguments, environment: environment, folder: folder, files: files.baseAddress,
                file_count: Int32(files.count), dies_with_parent: diesWithParent ? 1 : 0)
              let process = graphrun_spawn(&launch, &handle, &step)
              if process < 0 { code = errno }
              return process
            }
          }
        }
      }
    }
    guard process > 0 else {
      switch step {
      case Int32(GRAPHRUN_NO_FOLDER): throw Failure(step: .folder, code: code)
      case Int32(GRAPHRUN_NO_PROGRAM): throw Failure(step: .program, code: code)
      default: throw Failure(step: .process, code: code)
      }
    }
    return Started(process: process, handle: handle)
  }

  /// The same file under a descriptor above those that a program gets; the one given is closed.
  static func lifted(_ file: Int32) -> Int32 {
    guard file >= 0, file < 10 else { return file }
    let higher = fcntl(file, F_DUPFD_CLOEXEC, 10)
    guard higher >= 0 else { return file }
    close(file)
    return higher
  }

  private static func withStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}
