"""What the tests build with: films and releases, fakes, stand-ins' homes, workers and the program itself."""
