// swift-tools-version: 6.1
import PackageDescription

// A package of its own: what you would write to give graphrun operations of yours. Outside this repository, name its URL
// instead of a path.
let package = Package(
  name: "mail-tasks",
  products: [.executable(name: "mail-tasks", targets: ["MailTasks"])],
  dependencies: [.package(name: "graphrun", path: "../..")],
  targets: [
    .executableTarget(name: "MailTasks", dependencies: [.product(name: "GraphRunCLI", package: "graphrun")])
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
