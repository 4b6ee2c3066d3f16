"""What is on the user's disks."""
