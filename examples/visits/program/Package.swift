// swift-tools-version: 6.1
import PackageDescription

// A package of its own. Outside this repository, name its URL instead of a path.
let package = Package(
  name: "visits",
  products: [.executable(name: "visits", targets: ["Visits"])],
  dependencies: [.package(name: "graphrun", path: "../../..")],
  targets: [.executableTarget(name: "Visits", dependencies: [.product(name: "GraphRun", package: "graphrun")])],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
