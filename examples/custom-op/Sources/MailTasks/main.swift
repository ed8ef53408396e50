import GraphRunCLI

GraphRunCommand.main(abstract: "Runs DAG files over mail, with operations that find and mask addresses.") {
  $0.register(MaskAddresses.definition)
  $0.register(AddressDomains.definition)
}
