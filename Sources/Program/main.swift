import CLI

GraphRunCommand.main()
