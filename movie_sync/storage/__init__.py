"""Files: every name in the data folder, and safe ways to read and write them."""
