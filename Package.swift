// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "graphrun",
  products: [
    .executable(name: "graphrun", targets: ["Program"]),
    .library(name: "GraphRun", targets: ["GraphRun"]),
    .library(name: "GraphRunCLI", targets: ["GraphRunCLI"]),
    .executable(name: "torture", targets: ["Torture"]),
    .executable(name: "fuzz", targets: ["Fuzz"]),
    .executable(name: "engine-bench", targets: ["EngineBench"]),
    .executable(name: "graphrun-bag-runner", targets: ["BagRunner"]),
    .executable(name: "bag-bench", targets: ["BagBench"]),
    // What reads and writes Parquet: loaded by the others when it is needed, and linked to none.
    .library(name: "graphrun-arrow", type: .dynamic, targets: ["ArrowParquet"]),
  ],
  traits: [
    // `make` switches it on. Without it, graphrun-arrow is built empty, and Arrow is not needed.
    .trait(
      name: "Parquet", description: "Parquet files, by Arrow C++: see docs/parquet.md for what has to be installed.")
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    // What is to be done. Depends on nothing.
    .target(name: "Graph"),

    // A DAG file becomes a graph.
    .target(name: "GraphFile", dependencies: ["Graph", .product(name: "Yams", package: "Yams")]),

    // Doing it.
    .target(
      name: "Scheduler",
      dependencies: [
        "Graph", "CXXHash", "CMemory", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),

    // What a task can do.
    .target(
      name: "Tasks",
      dependencies: [
        "Graph", "CArrow", "CSimdJSON", "CProcess", "CXXHash", "CZlib", "CZstd", "CPCRE2", "CIDN2",
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),

    // Text dashboards: layouts and the SQL that fills them, built into the program.
    .target(
      name: "Dashboards", path: "dashboards",
      exclude: ["README.md"],
      resources: [
        .embedInCode("progress.yaml"), .embedInCode("tasks.yaml"),
        .embedInCode("memory.yaml"), .embedInCode("failures.yaml"),
      ]),

    // One import for Swift users.
    .target(name: "GraphRun", dependencies: ["Graph", "GraphFile", "Scheduler", "Tasks"]),

    // The command: the only place where the rooms meet. A library, so that a user's program can be one too.
    .target(
      name: "CLI",
      dependencies: [
        "Graph", "GraphFile", "Scheduler", "Tasks", "Dashboards",
        .product(name: "Yams", package: "Yams"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "Program", dependencies: ["CLI"]),

    // One import for programs with the command and operations of their own.
    .target(name: "GraphRunCLI", dependencies: ["CLI", "GraphRun"]),

    // What examples/custom-op, a package of its own, adds to the command; here for the tests.
    .executableTarget(
      name: "MailTasksExample", dependencies: ["GraphRunCLI"], path: "examples/custom-op/Sources/MailTasks"),

    // The Swift program of examples/visits, a package of its own; here for the tests.
    .executableTarget(
      name: "VisitsExample", dependencies: ["GraphRun"], path: "examples/visits/program/Sources/Visits"),

    // The engine without files, for `make bench-engine`.
    .executableTarget(
      name: "EngineBench",
      dependencies: ["Graph", "Scheduler", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "benchmarks/engine/EngineBench"),

    // Bags, for `make bench-bag`.
    .executableTarget(
      name: "BagBench",
      dependencies: ["GraphRun", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "benchmarks/bag/BagBench"),

    // Bags by hand: cases in, results out, for tests against Dask.
    .executableTarget(
      name: "BagRunner",
      dependencies: ["GraphRun", "Tasks", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

    // System libraries.
    .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
    .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CPCRE2", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CIDN2", providers: [.apt(["libidn2-dev"])]),
    .target(name: "CArrow"),
    .target(
      name: "ArrowParquet",
      dependencies: [.target(name: "CArrowLibraries", condition: .when(traits: ["Parquet"]))],
      cxxSettings: [.define("GRAPHRUN_PARQUET", .when(traits: ["Parquet"]))]),
    .systemLibrary(name: "CArrowLibraries", pkgConfig: "graphrun-arrow"),
    .target(name: "CMemory"),
    .target(name: "CProcess"),

    // Tests: one folder a room, and the real program on real files.
    .target(name: "TestSupport", dependencies: ["Graph"], path: "Tests/TestSupport"),
    .testTarget(name: "GraphTests", dependencies: ["Graph", "TestSupport"]),
    .testTarget(name: "GraphFileTests", dependencies: ["GraphFile", "TestSupport"]),
    .testTarget(
      name: "SchedulerTests",
      dependencies: ["Scheduler", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")]),
    .testTarget(name: "TasksTests", dependencies: ["Tasks", "TestSupport"]),
    .testTarget(name: "GraphRunTests", dependencies: ["GraphRun", "TestSupport"]),
    .testTarget(name: "BagRunnerTests", dependencies: ["BagRunner", "GraphRun"]),
    .testTarget(name: "CLITests", dependencies: ["CLI", "GraphRunCLI", "TestSupport"]),
    // Programs that the acceptance tests run.
    .executableTarget(name: "DurableProgram", dependencies: ["GraphRunCLI"], path: "Tests/Programs/DurableProgram"),
    // The fault campaign: a command of its own, short in the acceptance tests. Knows the program only from outside.
    .target(
      name: "TortureSupport", dependencies: [.product(name: "GRDBSQLite", package: "GRDB.swift")],
      path: "Tests/TortureSupport"),
    .executableTarget(
      name: "Torture",
      dependencies: ["TortureSupport", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Tests/Torture"),
    // Readers of what anybody may have written, for libFuzzer; see Tests/Fuzz/fuzz.
    .executableTarget(
      name: "Fuzz", dependencies: ["Graph", "GraphFile", "Tasks"], path: "Tests/Fuzz",
      exclude: ["seeds", "fuzz", "dag-file.dict"]),
    // The program in the README's section on Swift, run by the acceptance tests.
    .executableTarget(name: "ReadmeExample", dependencies: ["GraphRun"], path: "Tests/ReadmeExample"),
    .testTarget(
      name: "AcceptanceTests",
      dependencies: [
        "Program", "BagRunner", "MailTasksExample", "VisitsExample", "DurableProgram", "ReadmeExample", "TestSupport",
        "TortureSupport",
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20
)
